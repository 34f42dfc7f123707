(** Chapter 2: minimizing the loss is maximizing the log-probability. *)

From Coq Require Import List.
From NWP Require Import definitions.
Import ListNotations.

(** * Texts and their probabilities *)

(** A model gives, after every beginning, a vector over the vocabulary. It reads nothing else:
    no later word. *)
Notation model := (list nat -> vector).

Definition predicts (V : nat) (m : model) : Prop := forall past, distribution V (m past).

Definition words (V : nat) (text : list nat) : Prop := forall w, In w text -> (w < V)%nat.

(** The probability of the word at step t of a text after its beginning. *)
Definition right_word (m : model) (first text : list nat) (t : nat) : R :=
  m (first ++ firstn t text) (nth t text O).

(** The probability of the continuation: the product of the predictions. *)
Definition text_probability (m : model) (first text : list nat) : R :=
  Π t < length text, right_word m first text t.

(** The sum of the losses of the steps. *)
Definition text_loss (m : model) (first text : list nat) : Rbar :=
  Rbar_sum (length text) (fun t => surprise (right_word m first text t)).

(** The sum over all continuations of n words. *)
Fixpoint sum_texts (V n : nat) (F : list nat -> R) : R :=
  match n with
  | O => F []
  | S k => Σ v < V, (sum_texts V k (fun text => F (v :: text)))
  end.

Lemma right_word_nonneg V m first text t : predicts V m -> words V text ->
  (t < length text)%nat -> 0 <= right_word m first text t.
Proof.
  intros Hm Hw Ht. apply (Hm (first ++ firstn t text)). apply Hw, nth_In. exact Ht.
Qed.

Lemma text_probability_nonneg V m first text : predicts V m -> words V text ->
  0 <= text_probability m first text.
Proof.
  intros Hm Hw. apply prod_nonneg. intros t Ht. eapply right_word_nonneg; eauto.
Qed.

Lemma prod_first n f : prod (S n) f = f O * Π i < n, f (S i).
Proof.
  induction n; [simpl; lra|].
  change (prod (S (S n)) f) with (prod (S n) f * f (S n)). rewrite IHn. simpl. lra.
Qed.

(** One word after another: the chain rule, read from the front. *)
Lemma text_probability_cons m first v text :
  text_probability m first (v :: text)
  = m first v * text_probability m (first ++ [v]) text.
Proof.
  unfold text_probability, right_word. simpl length. rewrite prod_first.
  simpl. rewrite app_nil_r. f_equal. apply prod_ext. intros t _. simpl.
  rewrite <- app_assoc. reflexivity.
Qed.

Lemma sum_texts_ext V n F G :
  (forall text, words V text -> length text = n -> F text = G text) ->
  sum_texts V n F = sum_texts V n G.
Proof.
  revert F G. induction n as [|n IH]; intros F G H; simpl.
  - apply H; [intros w []|reflexivity].
  - apply sum_ext. intros v Hv. apply IH. intros text Ht Hl. apply H; simpl; [|lia].
    intros w [<-|Hin]; auto.
Qed.

Lemma sum_texts_scal V n c F : sum_texts V n (fun text => c * F text) = c * sum_texts V n F.
Proof.
  revert F. induction n as [|n IH]; intros F; simpl; [reflexivity|].
  rewrite <- sum_scal_l. apply sum_ext. intros. apply IH.
Qed.

Lemma sum_texts_minus V n F G :
  sum_texts V n (fun text => F text - G text) = sum_texts V n F - sum_texts V n G.
Proof.
  revert F G. induction n as [|n IH]; intros F G; simpl; [reflexivity|].
  rewrite <- sum_minus. apply sum_ext. intros. apply IH.
Qed.

Lemma sum_texts_le V n F G :
  (forall text, words V text -> length text = n -> F text <= G text) ->
  sum_texts V n F <= sum_texts V n G.
Proof.
  revert F G. induction n as [|n IH]; intros F G H; simpl.
  - apply H; [intros w []|reflexivity].
  - apply sum_le. intros v Hv. apply IH. intros text Ht Hl. apply H; simpl; [|lia].
    intros w [<-|Hin]; auto.
Qed.

(* box: def-text-probability
   Covers: the probabilities of all continuations of one length sum to 1.
   Hypotheses: each prediction is a distribution that reads only the words before it.
   Cobre: as probabilidades de todas as continuações de um mesmo comprimento somam 1.
   Hipóteses: cada previsão é uma distribuição que lê só as palavras anteriores.
   Mutation: `predicts V m` becomes `predicts (S V) m`. *)
Theorem continuations_sum_to_one V m first n :
  predicts V m -> sum_texts V n (text_probability m first) = 1.
Proof.
  intros Hm. revert first. induction n as [|n IH]; intros first; [reflexivity|]. simpl.
  rewrite <- (proj2 (Hm first)). apply sum_ext. intros v _.
  rewrite (sum_texts_ext V n _ (fun text => m first v * text_probability m (first ++ [v]) text)).
  - rewrite sum_texts_scal, IH. ring.
  - intros. apply text_probability_cons.
Qed.

(** * Theorem 2 *)

(** log p, with log 0 = -oo. *)
Definition log (p : R) : Rbar := if Rlt_dec 0 p then Finite (ln p) else m_infty.

Definition minimizes {Θ : Type} (L : Θ -> Rbar) (θ : Θ) : Prop := forall θ', Rbar_le (L θ) (L θ').
Definition maximizes {Θ : Type} (L : Θ -> Rbar) (θ : Θ) : Prop := forall θ', Rbar_le (L θ') (L θ).

(** The values that a function takes. *)
Definition values {Θ : Type} (L : Θ -> Rbar) : Rbar -> Prop := fun x => exists θ, x = L θ.

Lemma surprise_log p : surprise p = Rbar_opp (log p).
Proof. unfold surprise, log. destruct (Rlt_dec 0 p); reflexivity. Qed.

Lemma log_le p q : 0 <= p -> 0 <= q -> Rbar_le (log p) (log q) <-> p <= q.
Proof.
  intros Hp Hq. unfold log. destruct (Rlt_dec 0 p), (Rlt_dec 0 q); simpl.
  - split; intros H.
    + destruct (Rle_lt_dec p q) as [|Hlt]; auto. apply ln_increasing in Hlt; lra.
    + destruct H as [H| ->]; [left; apply ln_increasing; lra|lra].
  - split; [contradiction|lra].
  - split; [lra|auto].
  - split; [lra|auto].
Qed.

Lemma opp_le x y : Rbar_le (Rbar_opp x) (Rbar_opp y) <-> Rbar_le y x.
Proof. apply iff_sym. destruct x, y; simpl; try tauto; lra. Qed.

Lemma surprise_le p q : 0 <= p -> 0 <= q -> Rbar_le (surprise p) (surprise q) <-> q <= p.
Proof. intros Hp Hq. rewrite !surprise_log, opp_le. apply log_le; auto. Qed.

(** For any probability that depends on parameters: the same parameters are best, and the
    infimum of the loss is the supremum of the log-probability, negated. *)
Lemma same_best {Θ : Type} (p : Θ -> R) :
  (forall θ, 0 <= p θ) ->
  (forall θ, (minimizes (fun θ => surprise (p θ)) θ <-> maximizes (fun θ => log (p θ)) θ) /\
             (minimizes (fun θ => surprise (p θ)) θ <-> maximizes (fun θ => Finite (p θ)) θ)) /\
  (forall l, Rbar_is_glb (values (fun θ => surprise (p θ))) l <->
             Rbar_is_lub (values (fun θ => log (p θ))) (Rbar_opp l)).
Proof.
  intros Hp. split; [intros θ; split|].
  - split; intros H θ'; specialize (H θ'); cbv beta in *;
      [rewrite !surprise_log in H|rewrite !surprise_log]; apply opp_le; exact H.
  - split; intros H θ'; specialize (H θ'); cbv beta in *;
      apply surprise_le in H || apply surprise_le; auto.
  - intros l. split; intros [Hb Hg]; split.
    + intros x [θ ->]. rewrite <- (Rbar_opp_involutive (log (p θ))). apply opp_le.
      rewrite <- surprise_log. apply Hb. exists θ. reflexivity.
    + intros b Hub. rewrite <- (Rbar_opp_involutive b). apply opp_le, Hg. intros x [θ ->].
      rewrite surprise_log. apply opp_le. apply Hub. exists θ. reflexivity.
    + intros x [θ ->]. rewrite surprise_log. rewrite <- (Rbar_opp_involutive l). apply opp_le, Hb.
      exists θ. reflexivity.
    + intros b Hlb. rewrite <- (Rbar_opp_involutive b), <- (Rbar_opp_involutive l).
      apply opp_le, Hg. intros x [θ ->].
      rewrite <- (Rbar_opp_involutive (log (p θ))). apply opp_le. rewrite <- surprise_log.
      apply Hlb. exists θ. reflexivity.
Qed.

(* box: thm-2, part 1
   Covers: part 1, and the sentence on infimum and supremum.
   Hypotheses: the parameters are of any type; each prediction is a distribution; losses may be
     infinite.
   Cobre: a parte 1 e a frase sobre ínfimo e supremo.
   Hipóteses: os parâmetros são de um tipo qualquer; cada previsão é uma distribuição; as perdas
     podem ser infinitas.
   Mutation: `(forall θ, distribution V (q θ))` becomes `True`. *)
Theorem one_step {Θ : Type} V (q : Θ -> vector) (w : nat) :
  (forall θ, distribution V (q θ)) -> (w < V)%nat ->
  (forall θ, (minimizes (fun θ => loss (q θ) w) θ <-> maximizes (fun θ => log (q θ w)) θ) /\
             (minimizes (fun θ => loss (q θ) w) θ <-> maximizes (fun θ => Finite (q θ w)) θ)) /\
  (forall l, Rbar_is_glb (values (fun θ => loss (q θ) w)) l <->
             Rbar_is_lub (values (fun θ => log (q θ w))) (Rbar_opp l)).
Proof.
  intros Hq Hw. apply (same_best (fun θ => q θ w)). intros θ. apply Hq, Hw.
Qed.

(** The losses add up as the probabilities multiply. *)
Lemma surprise_mult p q :
  0 <= p -> 0 <= q -> surprise (p * q) = Rbar_plus (surprise p) (surprise q).
Proof.
  intros [Hp| <-] [Hq| <-].
  - rewrite !surprise_pos, ln_mult by (auto; apply Rmult_lt_0_compat; auto).
    simpl. f_equal. ring.
  - rewrite Rmult_0_r, surprise_zero, surprise_pos by auto. reflexivity.
  - rewrite Rmult_0_l, surprise_zero, surprise_pos by auto. reflexivity.
  - rewrite Rmult_0_l, surprise_zero. reflexivity.
Qed.

Lemma surprise_prod n p :
  (forall t, (t < n)%nat -> 0 <= p t) ->
  Rbar_sum n (fun t => surprise (p t)) = surprise (prod n p).
Proof.
  induction n as [|n IH]; simpl; intros H.
  - rewrite surprise_pos, ln_1 by lra. f_equal. ring.
  - rewrite IH, surprise_mult; auto. apply prod_nonneg; auto.
Qed.

Lemma text_loss_is_surprise V m first text : predicts V m -> words V text ->
  text_loss m first text = surprise (text_probability m first text).
Proof.
  intros Hm Hw. apply surprise_prod. intros t Ht. eapply right_word_nonneg; eauto.
Qed.

(* box: thm-2, part 2
   Covers: part 2, and the sentence on infimum and supremum.
   Hypotheses: each prediction is a distribution that reads only the words before it; losses may
     be infinite.
   Cobre: a parte 2 e a frase sobre ínfimo e supremo.
   Hipóteses: cada previsão é uma distribuição que lê só as palavras anteriores; as perdas podem
     ser infinitas.
   Mutation: `L θ = Rbar_opp (log (P θ))` becomes `L θ = log (P θ)`. *)
Theorem sequence {Θ : Type} V (m : Θ -> model) (first text : list nat) :
  (forall θ, predicts V (m θ)) -> words V text ->
  let L := fun θ => text_loss (m θ) first text in
  let P := fun θ => text_probability (m θ) first text in
  (forall θ, L θ = Rbar_opp (log (P θ))) /\
  (forall θ, (minimizes L θ <-> maximizes (fun θ => log (P θ)) θ) /\
             (minimizes L θ <-> maximizes (fun θ => Finite (P θ)) θ)) /\
  (forall l, Rbar_is_glb (values L) l <->
             Rbar_is_lub (values (fun θ => log (P θ))) (Rbar_opp l)).
Proof.
  intros Hm Hw L P.
  assert (HL : forall θ, L θ = surprise (P θ))
    by (intros θ; unfold L, P; apply text_loss_is_surprise with V; auto).
  assert (HP : forall θ, 0 <= P θ)
    by (intros θ; unfold P; apply text_probability_nonneg with V; auto).
  destruct (same_best P HP) as [H1 H2]. split; [intros θ; rewrite HL; apply surprise_log|].
  split.
  - intros θ. destruct (H1 θ) as [A B]. split.
    + rewrite <- A. split; intros H θ'; specialize (H θ'); rewrite !HL in *; exact H.
    + rewrite <- B. split; intros H θ'; specialize (H θ'); rewrite !HL in *; exact H.
  - intros l. rewrite <- H2.
    assert (E : forall x, values L x <-> values (fun θ => surprise (P θ)) x)
      by (intros x; split; intros [θ ->]; exists θ; rewrite HL; reflexivity).
    split; intros [Hb Hg]; (split; [intros x Hx; apply Hb, E, Hx|]);
      intros b Hb'; apply Hg; intros x Hx; apply Hb', E, Hx.
Qed.

(** The number of predictions of a corpus of K texts. *)
Definition predictions (K : nat) (text : nat -> list nat) : R := Σ k < K, INR (length (text k)).

(** The probability of a corpus, each text given its beginning. *)
Definition corpus_probability (m : model) (K : nat) (first text : nat -> list nat) : R :=
  Π k < K, text_probability m (first k) (text k).

Definition corpus_mean_loss (m : model) (K : nat) (first text : nat -> list nat) : Rbar :=
  Rbar_mult (Finite (/ predictions K text))
            (Rbar_sum K (fun k => text_loss m (first k) (text k))).

Lemma scaled_le a x y :
  0 < a -> Rbar_le (Rbar_mult (Finite a) x) (Rbar_mult (Finite a) y) <-> Rbar_le x y.
Proof.
  intros Ha. assert (E : forall z, Rbar_mult (Finite a) z = Rbar_mult_pos z (mkposreal a Ha)).
  { intros z. destruct z; simpl; [f_equal; ring|..]; case Rle_dec; intros; try lra;
      case Rle_lt_or_eq_dec; intros; auto; lra. }
  rewrite !E. symmetry. apply Rbar_mult_pos_le.
Qed.

(* box: thm-2, part 3
   Covers: part 3.
   Hypotheses: the corpus has at least one prediction; each prediction is a distribution that
     reads only the words before it; losses may be infinite.
   Cobre: a parte 3.
   Hipóteses: o corpus tem pelo menos uma previsão; cada previsão é uma distribuição que lê só as
     palavras anteriores; as perdas podem ser infinitas.
   Mutation: `0 < predictions K text` becomes `0 <= predictions K text`. *)
Theorem corpus {Θ : Type} V (m : Θ -> model) (K : nat) (first text : nat -> list nat) :
  (forall θ, predicts V (m θ)) -> (forall k, (k < K)%nat -> words V (text k)) ->
  0 < predictions K text ->
  let L := fun θ => corpus_mean_loss (m θ) K first text in
  let P := fun θ => corpus_probability (m θ) K first text in
  (forall θ, L θ = Rbar_mult (Finite (- / predictions K text)) (log (P θ))) /\
  (forall θ, (minimizes L θ <-> maximizes (fun θ => log (P θ)) θ) /\
             (minimizes L θ <-> maximizes (fun θ => Finite (P θ)) θ)).
Proof.
  intros Hm Hw HN L P.
  assert (Ha : 0 < / predictions K text) by (apply Rinv_0_lt_compat; auto).
  assert (HP : forall θ, 0 <= P θ).
  { intros θ. apply prod_nonneg. intros k Hk. apply text_probability_nonneg with V; auto. }
  assert (HL : forall θ, L θ = Rbar_mult (Finite (/ predictions K text)) (surprise (P θ))).
  { intros θ. unfold L, P, corpus_mean_loss, corpus_probability. f_equal.
    rewrite <- surprise_prod.
    - apply Rbar_sum_ext. intros k Hk. apply text_loss_is_surprise with V; auto.
    - intros k Hk. apply text_probability_nonneg with V; auto. }
  split.
  - intros θ. rewrite HL, surprise_log, Rbar_mult_opp_r, <- Rbar_mult_opp_l. reflexivity.
  - intros θ. destruct (same_best P HP) as [H1 _]. destruct (H1 θ) as [A B].
    split; [rewrite <- A|rewrite <- B]; split; intros H θ'; specialize (H θ'); cbv beta in *;
      rewrite !HL, scaled_le in * by auto; exact H.
Qed.

(** * Entropy, divergence, Gibbs' inequality *)

(** D(p || q): a term with p[i] = 0 is 0, one with q[i] = 0 < p[i] is oo. *)
Definition divergence_term (p q : R) : Rbar :=
  if Req_EM_T p 0 then Finite 0
  else if Rlt_dec 0 q then Finite (p * ln (p / q)) else p_infty.

Definition divergence (V : nat) (p q : vector) : Rbar :=
  Rbar_sum V (fun i => divergence_term (p i) (q i)).

(** A term is at least p - q, and equal only where p = q. *)
Lemma divergence_term_ge p q : 0 <= p -> 0 <= q ->
  Rbar_le (Finite (p - q)) (divergence_term p q) /\
  (divergence_term p q = Finite (p - q) -> p = q).
Proof.
  intros Hp Hq. unfold divergence_term. destruct (Req_EM_T p 0) as [->|Hne].
  - simpl. split; [lra|]. intros [=]. lra.
  - destruct (Rlt_dec 0 q) as [Hq'|]; [|split; [exact I|discriminate]].
    assert (Hp' : 0 < p) by lra.
    assert (Hln : ln (p / q) = - ln (q / p)).
    { rewrite !ln_div by auto. ring. }
    assert (Hr : 0 < q / p) by (apply Rdiv_lt_0_compat; auto).
    assert (E : p * (q / p - 1) = q - p) by (field; auto).
    simpl. rewrite Hln. split.
    + assert (T := ln_le_tangent (q / p) Hr). nra.
    + intros [=]. destruct (Req_dec (q / p) 1) as [H1|H1].
      * apply Rmult_eq_reg_r with (/ p); [|apply Rinv_neq_0_compat; auto].
        unfold Rdiv in H1. rewrite H1. field. auto.
      * assert (T := ln_lt_tangent (q / p) Hr H1). nra.
Qed.

Lemma divergence_term_finite p q :
  (p = 0 \/ 0 < q) -> 0 <= p -> divergence_term p q = Finite (p * ln p - p * ln q).
Proof.
  intros H Hp. unfold divergence_term. destruct (Req_EM_T p 0) as [->|Hne].
  - f_equal. ring.
  - destruct (Rlt_dec 0 q); [|lra]. rewrite ln_div by lra. f_equal. ring.
Qed.

Lemma divergence_term_not_m_infty p q : divergence_term p q <> m_infty.
Proof.
  unfold divergence_term. destruct (Req_EM_T p 0), (Rlt_dec 0 q); discriminate.
Qed.

(** Gibbs' inequality term by term, for numbers of the same sum. *)
Lemma gibbs_sum n (f : nat -> Rbar) (g : nat -> R) :
  (forall i, (i < n)%nat -> Rbar_le (Finite (g i)) (f i)) ->
  Rbar_le (Finite (sum n g)) (Rbar_sum n f) /\
  (Rbar_sum n f = Finite (sum n g) -> forall i, (i < n)%nat -> f i = Finite (g i)).
Proof.
  induction n as [|n IH]; simpl; intros H; [split; [lra|intros; lia]|].
  assert (IH' : forall i, (i < n)%nat -> Rbar_le (Finite (g i)) (f i))
    by (intros i Hi; apply H; lia).
  destruct (IH IH') as [IH1 IH2]. assert (Hn := H n (Nat.lt_succ_diag_r n)). split.
  - change (Rbar_le (Rbar_plus (Finite (sum n g)) (Finite (g n))) (Rbar_plus (Rbar_sum n f) (f n))).
    apply Rbar_plus_le_compat; auto.
  - intros E i Hi. destruct (Rbar_sum n f) as [a| |] eqn:Ea; simpl in IH1; try contradiction;
      destruct (f n) as [b| |] eqn:Eb; simpl in E, Hn; try discriminate; try contradiction.
    injection E as E. destruct (Nat.eq_dec i n) as [->|Hne].
    + rewrite Eb. f_equal. lra.
    + apply IH2; [f_equal; lra|lia].
Qed.

(* box: prop-gibbs
   Covers: the whole statement, also where both sides are infinite.
   Hypotheses: p and q are distributions on the same finite set.
   Cobre: o enunciado inteiro, também onde os dois lados são infinitos.
   Hipóteses: p e q são distribuições sobre o mesmo conjunto finito.
   Mutation: `Finite (entropy V p)` becomes `Finite (- entropy V p)`. *)
Theorem gibbs V p q :
  distribution V p -> distribution V q ->
  cross_entropy V p q = Rbar_plus (Finite (entropy V p)) (divergence V p q) /\
  Rbar_le (Finite 0) (divergence V p q) /\
  (divergence V p q = Finite 0 <-> same V p q).
Proof.
  intros [Hp Sp] [Hq Sq].
  assert (Hdiff : Σ i < V, (p i - q i) = 0).
  { rewrite sum_minus. change (sum V p = 1) in Sp. change (sum V q = 1) in Sq. lra. }
  split; [|split; [|split]].
  - unfold cross_entropy, divergence, entropy.
    destruct (all_positive_or_not V p q Hp) as [Hcov|[k [Hk [Hpk Hqk]]]].
    + rewrite (Rbar_sum_finite V _ (fun i => - (p i * ln (q i)))) by
        (intros j Hj; apply weighted_surprise; auto).
      rewrite (Rbar_sum_finite V _ (fun i => p i * ln (p i) - p i * ln (q i))).
      * rewrite sum_opp, sum_minus. simpl. f_equal. ring.
      * intros i Hi. apply divergence_term_finite; auto.
        destruct (Hp i Hi) as [H|H]; auto.
    + rewrite (Rbar_sum_infinite V _ k); auto.
      * rewrite (Rbar_sum_infinite V _ k); auto.
        -- intros. apply divergence_term_not_m_infty.
        -- unfold divergence_term. destruct (Req_EM_T (p k) 0); [lra|].
           destruct (Rlt_dec 0 (q k)); [lra|reflexivity].
      * intros i Hi. apply weighted_surprise_not_m_infty; auto.
      * apply weighted_surprise_infinite; auto.
  - rewrite <- Hdiff. apply gibbs_sum. intros i Hi. apply divergence_term_ge; auto.
  - intros H i Hi. apply (divergence_term_ge (p i) (q i)); auto.
    apply (gibbs_sum V (fun i => divergence_term (p i) (q i)) (fun i => p i - q i)); auto.
    + intros j Hj. apply divergence_term_ge; auto.
    + rewrite Hdiff. exact H.
  - intros H. unfold divergence. rewrite (Rbar_sum_finite V _ (fun _ => 0)).
    + f_equal. apply sum_zero. auto.
    + intros i Hi. rewrite <- (H i Hi). unfold divergence_term.
      destruct (Req_EM_T (p i) 0); auto. assert (H0 := Hp i Hi).
      destruct (Rlt_dec 0 (p i)); [|lra]. f_equal. unfold Rdiv. rewrite Rinv_r, ln_1 by auto. ring.
Qed.

(** * Relative frequencies *)

(** N positions of a text: at position t the context is c t < C, the next word is v t < V.
    How often the word i follows the context k, and how often the context k occurs. *)
Definition count (N : nat) (c v : nat -> nat) (k i : nat) : R :=
  Σ t < N, (one_hot (c t) k * one_hot (v t) i).

Definition context_count (N : nat) (c : nat -> nat) (k : nat) : R := Σ t < N, one_hot (c t) k.

Definition frequency (N : nat) (c v : nat -> nat) (k : nat) : vector :=
  fun i => count N c v k i / context_count N c k.

(** A model gives each context a vector of its own. *)
Definition mean_loss (N : nat) (c v : nat -> nat) (q : nat -> vector) : Rbar :=
  Rbar_mult (Finite (/ INR N)) (Rbar_sum N (fun t => loss (q (c t)) (v t))).

(** The empirical conditional entropy. *)
Definition conditional_entropy (V C N : nat) (c v : nat -> nat) : R :=
  / INR N * Σ k < C, (context_count N c k * entropy V (frequency N c v k)).

Lemma one_hot_nonneg w i : 0 <= one_hot w i.
Proof. unfold one_hot. destruct (Nat.eq_dec i w); lra. Qed.

Lemma count_nonneg N c v k i : 0 <= count N c v k i.
Proof. apply sum_nonneg. intros. apply Rmult_le_pos; apply one_hot_nonneg. Qed.

Lemma context_count_nonneg N c k : 0 <= context_count N c k.
Proof. apply sum_nonneg. intros. apply one_hot_nonneg. Qed.

Lemma sum_counts V N c v k : (forall t, (t < N)%nat -> (v t < V)%nat) ->
  Σ i < V, count N c v k i = context_count N c k.
Proof.
  intros Hv. unfold count, context_count. rewrite sum_swap. apply sum_ext. intros t Ht.
  rewrite sum_scal_l.
  change (one_hot (c t) k * sum V (one_hot (v t)) = one_hot (c t) k).
  destruct (one_hot_distribution V (v t) (Hv t Ht)) as [_ E].
  change (sum V (one_hot (v t)) = 1) in E. rewrite E. ring.
Qed.

Lemma frequency_distribution V N c v k : (forall t, (t < N)%nat -> (v t < V)%nat) ->
  0 < context_count N c k -> distribution V (frequency N c v k).
Proof.
  intros Hv Hk. split.
  - intros i _. apply Rmult_le_pos; [apply count_nonneg|left; apply Rinv_0_lt_compat; auto].
  - unfold frequency. rewrite sum_div.
    change (sum V (fun i => count N c v k i) / context_count N c k = 1).
    rewrite sum_counts by auto. field. lra.
Qed.

(** Sorted by context and word, a sum over positions is a sum of counts. *)
Lemma sum_by_counts V C N c v (f : nat -> nat -> R) :
  (forall t, (t < N)%nat -> (c t < C)%nat /\ (v t < V)%nat) ->
  Σ t < N, f (c t) (v t) = Σ k < C, (Σ i < V, (count N c v k i * f k i)).
Proof.
  intros H.
  rewrite (sum_ext C _ (fun k => Σ t < N, (one_hot (c t) k * f k (v t)))).
  - rewrite sum_swap. apply sum_ext. intros t Ht.
    rewrite (sum_one_hot C (c t) (fun k => f k (v t))); auto. apply H; auto.
  - intros k _. rewrite (sum_ext V _ (fun i => Σ t < N, (one_hot (c t) k * one_hot (v t) i * f k i))).
    + rewrite sum_swap. apply sum_ext. intros t Ht.
      rewrite (sum_ext V _ (fun i => one_hot (v t) i * (one_hot (c t) k * f k i))).
      * apply (sum_one_hot V (v t) (fun i => one_hot (c t) k * f k i)). apply H; auto.
      * intros. ring.
    + intros i _. unfold count. rewrite <- sum_scal_r. reflexivity.
Qed.

(** A word that follows a context is counted there. *)
Lemma count_at N c v t : (t < N)%nat -> 0 < count N c v (c t) (v t).
Proof.
  intros Ht. apply Rlt_le_trans with (one_hot (c t) (c t) * one_hot (v t) (v t)).
  - rewrite !one_hot_same. lra.
  - apply (one_term_le N t (fun s => one_hot (c s) (c t) * one_hot (v s) (v t))); auto.
    intros. apply Rmult_le_pos; apply one_hot_nonneg.
Qed.

Lemma count_positive N c v k i : 0 < count N c v k i ->
  exists t, (t < N)%nat /\ c t = k /\ v t = i.
Proof.
  unfold count. induction N as [|N IH]; simpl; intros H; [lra|].
  destruct (Nat.eq_dec (c N) k) as [E1|E1].
  - destruct (Nat.eq_dec (v N) i) as [E2|E2]; [exists N; auto|].
    rewrite (one_hot_other (v N) i), Rmult_0_r, Rplus_0_r in H by auto.
    destruct (IH H) as [t [Ht Et]]. exists t. auto.
  - rewrite (one_hot_other (c N) k), Rmult_0_l, Rplus_0_r in H by auto.
    destruct (IH H) as [t [Ht Et]]. exists t. auto.
Qed.

(** One context: no distribution has a smaller sum of losses than the frequencies. *)
Lemma context_best V n p q : 0 < n -> distribution V p -> distribution V q ->
  (forall i, (i < V)%nat -> 0 < p i -> 0 < q i) ->
  n * entropy V p <= Σ i < V, (n * p i * - ln (q i)) /\
  (Σ i < V, (n * p i * - ln (q i)) = n * entropy V p -> same V q p).
Proof.
  intros Hn Hp Hq Hcov.
  assert (E : Σ i < V, (n * p i * - ln (q i)) = n * - Σ i < V, (p i * ln (q i))).
  { rewrite <- sum_opp, <- sum_scal_l. apply sum_ext. intros. ring. }
  assert (D : divergence V p q = Finite (- Σ i < V, (p i * ln (q i)) - entropy V p)).
  { unfold divergence, entropy.
    rewrite (Rbar_sum_finite V _ (fun i => p i * ln (p i) - p i * ln (q i))).
    - rewrite sum_minus. f_equal. ring.
    - intros i Hi. apply divergence_term_finite; [|apply Hp; auto].
      destruct (proj1 Hp i Hi) as [H|H]; auto. }
  destruct (gibbs V p q Hp Hq) as [_ [G1 G2]]. rewrite D in G1, G2. simpl in G1. rewrite E. split.
  - apply Rmult_le_compat_l; lra.
  - intros H. apply Rmult_eq_reg_l in H; [|lra].
    assert (S : same V p q) by (apply G2; f_equal; lra).
    intros i Hi. symmetry. auto.
Qed.

(* box: prop-mle
   Covers: the whole statement; in its last part, a model has the least mean loss exactly if it
     gives the relative frequencies in every context that occurs.
   Hypotheses: contexts are numbered; the text has at least one position; each context has a
     distribution of its own; losses may be infinite.
   Cobre: o enunciado inteiro; na última parte, um modelo tem a menor perda média exatamente se
     dá as frequências relativas em todo contexto que ocorre.
   Hipóteses: os contextos são numerados; o texto tem pelo menos uma posição; cada contexto tem
     sua própria distribuição; as perdas podem ser infinitas.
   Mutation: `(k < C)%nat -> 0 < context_count N c k -> same` becomes `(k < C)%nat -> same`. *)
Theorem relative_frequencies V C N c v :
  (0 < N)%nat -> (forall t, (t < N)%nat -> (c t < C)%nat /\ (v t < V)%nat) ->
  (forall k, 0 < context_count N c k -> distribution V (frequency N c v k)) /\
  forall q : nat -> vector, (forall k, distribution V (q k)) ->
    Rbar_le (Finite (conditional_entropy V C N c v)) (mean_loss N c v q) /\
    (mean_loss N c v q = Finite (conditional_entropy V C N c v) <->
     forall k, (k < C)%nat -> 0 < context_count N c k -> same V (q k) (frequency N c v k)).
Proof.
  intros HN H.
  assert (Hfreq : forall k, 0 < context_count N c k -> distribution V (frequency N c v k)).
  { intros k Hk. apply frequency_distribution; auto. intros t Ht. apply H; auto. }
  split; [exact Hfreq|]. intros q Hq.
  assert (HN' : 0 < / INR N) by (apply Rinv_0_lt_compat, lt_0_INR; auto).
  (* The counts are n p, with p the frequencies, also where the context does not occur. *)
  assert (Hcount : forall k i, (k < C)%nat -> (i < V)%nat ->
            count N c v k i = context_count N c k * frequency N c v k i).
  { intros k i Hk Hi. unfold frequency. destruct (context_count_nonneg N c k) as [Hp|H0].
    - field. lra.
    - rewrite <- H0, Rmult_0_l. apply (terms_zero V (count N c v k)); auto.
      + intros. apply count_nonneg.
      + rewrite H0. apply (sum_counts V). intros t Ht. apply H; auto. }
  destruct (all_positive_or_not N (fun _ => 1) (fun t => q (c t) (v t))) as [Hpos|[t [Ht [_ Hzero]]]];
    [intros; lra|..].
  - (* Every right word has a positive probability: real numbers. *)
    assert (Hcov : forall k i, 0 < count N c v k i -> 0 < q k i).
    { intros k i Hki. destruct (count_positive N c v k i Hki) as [t [Ht [<- <-]]]. apply Hpos; auto. lra. }
    assert (E : mean_loss N c v q = Finite (/ INR N *
              Σ k < C, (Σ i < V, (context_count N c k * frequency N c v k i * - ln (q k i))))).
    { unfold mean_loss. rewrite (Rbar_sum_finite N _ (fun t => - ln (q (c t) (v t)))).
      - simpl. f_equal. f_equal. rewrite (sum_by_counts V C N c v (fun k i => - ln (q k i))) by auto.
        apply sum_ext. intros k Hk. apply sum_ext. intros i Hi. rewrite Hcount; auto.
      - intros t Ht. apply surprise_pos. apply Hpos; auto. lra. }
    assert (Hbest : forall k, (k < C)%nat ->
      context_count N c k * entropy V (frequency N c v k)
        <= Σ i < V, (context_count N c k * frequency N c v k i * - ln (q k i)) /\
      (Σ i < V, (context_count N c k * frequency N c v k i * - ln (q k i))
         = context_count N c k * entropy V (frequency N c v k) ->
       0 < context_count N c k -> same V (q k) (frequency N c v k))).
    { intros k Hk. destruct (context_count_nonneg N c k) as [Hp|H0].
      - destruct (context_best V (context_count N c k) (frequency N c v k) (q k)) as [A B]; auto.
        intros i Hi Hf. apply Hcov. rewrite Hcount by auto. apply Rmult_lt_0_compat; auto.
      - rewrite <- H0. split; [|lra]. right. rewrite Rmult_0_l. symmetry. apply sum_zero. intros. ring. }
    rewrite E. unfold conditional_entropy. split; [|split].
    + simpl. apply Rmult_le_compat_l; [lra|]. apply sum_le. intros k Hk. apply Hbest; auto.
    + intros [= Eq]. apply Rmult_eq_reg_l in Eq; [|lra]. intros k Hk Hocc.
      apply Hbest; auto. apply Rminus_diag_uniq.
      apply (terms_zero C (fun k =>
        Σ i < V, (context_count N c k * frequency N c v k i * - ln (q k i))
        - context_count N c k * entropy V (frequency N c v k))); auto.
      * intros j Hj. assert (A := proj1 (Hbest j Hj)). lra.
      * rewrite sum_minus. apply Rminus_diag_eq. exact Eq.
    + intros Hsame. f_equal. f_equal. apply sum_ext. intros k Hk.
      destruct (context_count_nonneg N c k) as [Hp|H0].
      * unfold entropy. rewrite <- sum_opp, <- sum_scal_l. apply sum_ext. intros i Hi.
        rewrite (Hsame k Hk Hp i Hi). ring.
      * rewrite <- H0, Rmult_0_l. apply sum_zero. intros. ring.
  - (* A right word has the probability 0: the loss is infinite, and q differs from the frequencies. *)
    assert (E : mean_loss N c v q = p_infty).
    { unfold mean_loss. rewrite (Rbar_sum_infinite N _ t); auto.
      - apply Rbar_mult_infinity; auto.
      - intros. apply surprise_not_m_infty.
      - unfold loss, surprise. destruct (Rlt_dec 0 (q (c t) (v t))); [lra|reflexivity]. }
    rewrite E. split; [exact I|]. split; [discriminate|]. intros Hsame. exfalso.
    assert (Hc := count_at N c v t Ht).
    assert (Hocc : 0 < context_count N c (c t)).
    { destruct (context_count_nonneg N c (c t)) as [|H0]; auto.
      rewrite Hcount, <- H0 in Hc by (apply H; auto). lra. }
    assert (Hs := Hsame (c t) (proj1 (H t Ht)) Hocc (v t) (proj2 (H t Ht))).
    rewrite Hs in Hzero. rewrite Hcount in Hc by (apply H; auto). nra.
Qed.

(** * No model stays ahead of the source *)

(** The sum over all continuations of n words, where terms may be infinite. *)
Fixpoint Rbar_sum_texts (V n : nat) (F : list nat -> Rbar) : Rbar :=
  match n with
  | O => F []
  | S k => Rbar_sum V (fun v => Rbar_sum_texts V k (fun text => F (v :: text)))
  end.

Lemma gibbs_sum_texts V n (F : list nat -> Rbar) (G : list nat -> R) :
  (forall text, words V text -> length text = n -> Rbar_le (Finite (G text)) (F text)) ->
  Rbar_le (Finite (sum_texts V n G)) (Rbar_sum_texts V n F) /\
  (Rbar_sum_texts V n F = Finite (sum_texts V n G) ->
   forall text, words V text -> length text = n -> F text = Finite (G text)).
Proof.
  revert F G. induction n as [|n IH]; intros F G H.
  - cbn [sum_texts Rbar_sum_texts]. split.
    + apply H; [intros w []|reflexivity].
    + intros E [|v text] _ Hl; [exact E|discriminate].
  - cbn [sum_texts Rbar_sum_texts].
    assert (Hv : forall v, (v < V)%nat -> forall text, words V text -> length text = n ->
              Rbar_le (Finite (G (v :: text))) (F (v :: text))).
    { intros v Hv text Ht Hl. apply H; [intros w [<-|Hin]; auto|simpl; lia]. }
    destruct (gibbs_sum V (fun v => Rbar_sum_texts V n (fun text => F (v :: text)))
                          (fun v => sum_texts V n (fun text => G (v :: text)))) as [A B].
    { intros v Hlt. apply (IH (fun text => F (v :: text)) (fun text => G (v :: text))); auto. }
    split; [exact A|]. intros E [|v text] Ht Hl; [discriminate|].
    assert (Hlt : (v < V)%nat) by (apply Ht; left; reflexivity).
    apply (IH (fun text => F (v :: text)) (fun text => G (v :: text))); auto.
    intros w Hin. apply Ht. right. exact Hin.
Qed.

(** How much more than the source the model pays on a text, weighted with the text's probability. *)
Definition weighted_excess (p q : model) (first text : list nat) : Rbar :=
  Rbar_mult (Finite (text_probability p first text))
            (Rbar_minus (text_loss q first text) (text_loss p first text)).

Lemma weighted_excess_is_term V p q first text :
  predicts V p -> predicts V q -> words V text ->
  weighted_excess p q first text
  = divergence_term (text_probability p first text) (text_probability q first text).
Proof.
  intros Hp Hq Hw. unfold weighted_excess, divergence_term.
  rewrite !text_loss_is_surprise with (V := V) by auto.
  assert (P := text_probability_nonneg V p first text Hp Hw).
  destruct (Req_EM_T (text_probability p first text) 0) as [E|E].
  - rewrite E. apply Rbar_mult_0_l.
  - assert (0 < text_probability p first text) by lra.
    rewrite (surprise_pos (text_probability p first text)) by auto. unfold surprise.
    destruct (Rlt_dec 0 (text_probability q first text)).
    + rewrite ln_div by auto. simpl. f_equal. ring.
    + simpl Rbar_minus. apply Rbar_mult_infinity. auto.
Qed.

(** Where two models give all continuations the same probability, they agree after every word
    that can occur. *)
Lemma same_texts_same_predictions V p q n : predicts V p -> predicts V q ->
  forall first,
  (forall text, words V text -> length text = n ->
     text_probability p first text = text_probability q first text) ->
  forall past, words V past -> (length past < n)%nat -> 0 < text_probability p first past ->
  same V (p (first ++ past)) (q (first ++ past)).
Proof.
  intros Hp Hq. induction n as [|n IH]; intros first H past Hw Hl Hpos; [lia|].
  (* The next word: sum over what follows it. *)
  assert (Hnext : same V (p first) (q first)).
  { intros v Hv.
    rewrite <- (Rmult_1_r (p first v)), <- (Rmult_1_r (q first v)).
    rewrite <- (continuations_sum_to_one V p (first ++ [v]) n Hp) at 1.
    rewrite <- (continuations_sum_to_one V q (first ++ [v]) n Hq).
    rewrite <- !sum_texts_scal. apply sum_texts_ext. intros text Ht Hlen.
    rewrite <- !text_probability_cons. apply H; [intros w [<-|Hin]; auto|simpl; lia]. }
  destruct past as [|v past]; [rewrite app_nil_r; exact Hnext|].
  assert (Hv : (v < V)%nat) by (apply Hw; left; reflexivity).
  rewrite text_probability_cons in Hpos.
  assert (Hpv := proj1 (Hp first) v Hv).
  assert (Hw' : words V past) by (intros w Hin; apply Hw; right; exact Hin).
  assert (Hrest := text_probability_nonneg V p (first ++ [v]) past Hp Hw').
  assert (Hpv' : 0 < p first v) by nra.
  replace (first ++ v :: past) with ((first ++ [v]) ++ past) by (rewrite <- app_assoc; reflexivity).
  apply IH; [|exact Hw'|simpl in Hl; lia|nra].
  intros text Ht Hlen. apply Rmult_eq_reg_l with (p first v); [|lra].
  rewrite <- text_probability_cons, H; [|intros w [<-|Hin]; auto|simpl; lia].
  rewrite text_probability_cons, <- Hnext by auto. reflexivity.
Qed.

(* box: prop-long-run, part 1
   Covers: part 1.
   Hypotheses: the source p and the model q are distributions after every beginning and read only
     the words before; losses may be infinite.
   Cobre: a parte 1.
   Hipóteses: a fonte p e o modelo q são distribuições depois de todo começo e leem só as
     palavras anteriores; as perdas podem ser infinitas.
   Mutation: `(length past < n)%nat` becomes `(length past <= n)%nat`. *)
Theorem pays_no_less V n (p q : model) (first : list nat) :
  predicts V p -> predicts V q ->
  Rbar_le (Finite 0) (Rbar_sum_texts V n (weighted_excess p q first)) /\
  (Rbar_sum_texts V n (weighted_excess p q first) = Finite 0 ->
   forall past, words V past -> (length past < n)%nat -> 0 < text_probability p first past ->
   same V (p (first ++ past)) (q (first ++ past))).
Proof.
  intros Hp Hq.
  set (G := fun text => text_probability p first text - text_probability q first text).
  assert (HG : sum_texts V n G = 0).
  { unfold G. rewrite sum_texts_minus.
    change (sum_texts V n (text_probability p first) - sum_texts V n (text_probability q first) = 0).
    rewrite !continuations_sum_to_one by auto. ring. }
  destruct (gibbs_sum_texts V n (weighted_excess p q first) G) as [A B].
  { intros text Ht _. rewrite weighted_excess_is_term with (V := V) by auto.
    apply divergence_term_ge; apply text_probability_nonneg with V; auto. }
  rewrite HG in A, B. split; [exact A|]. intros E past Hw Hl Hpos.
  apply (same_texts_same_predictions V p q n); auto. intros text Ht Hlen.
  apply divergence_term_ge; try (apply text_probability_nonneg with V; auto).
  rewrite <- weighted_excess_is_term with (V := V) by auto. apply B; auto.
Qed.

(** The probability that a text of n words drawn from p has a property. *)
Definition probability (V n : nat) (p : model) (first : list nat) (event : list nat -> Prop)
  (decide : forall text, {event text} + {~ event text}) : R :=
  sum_texts V n (fun text => if decide text then text_probability p first text else 0).

(** The model is ahead of the source by k nats. *)
Definition ahead (p q : model) (first : list nat) (k : R) (text : list nat) : Prop :=
  Rbar_le (text_loss q first text) (Rbar_minus (text_loss p first text) (Finite k)).

Definition ahead_dec p q first k text : {ahead p q first k text} + {~ ahead p q first k text} :=
  Rbar_le_dec _ _.

(* box: prop-long-run, part 2
   Covers: part 2, for every real $k$.
   Hypotheses: the source p and the model q are distributions after every beginning and read only
     the words before; losses may be infinite.
   Cobre: a parte 2, para todo $k$ real.
   Hipóteses: a fonte p e o modelo q são distribuições depois de todo começo e leem só as
     palavras anteriores; as perdas podem ser infinitas.
   Mutation: `exp (- k)` becomes `exp (- (2 * k))`. *)
Theorem luck_is_rare V n (p q : model) (first : list nat) (k : R) :
  predicts V p -> predicts V q ->
  probability V n p first (ahead p q first k) (ahead_dec p q first k) <= exp (- k).
Proof.
  intros Hp Hq. unfold probability.
  apply Rle_trans with (sum_texts V n (fun text => exp (- k) * text_probability q first text)).
  - apply sum_texts_le. intros text Ht _.
    assert (P := text_probability_nonneg V p first text Hp Ht).
    assert (Q := text_probability_nonneg V q first text Hq Ht).
    assert (K := exp_pos (- k)).
    destruct (ahead_dec p q first k text) as [H|_]; [|nra].
    destruct P as [P| <-]; [|nra].
    unfold ahead in H. rewrite !text_loss_is_surprise with (V := V) in H by auto.
    rewrite (surprise_pos (text_probability p first text)) in H by auto.
    unfold surprise in H. destruct (Rlt_dec 0 (text_probability q first text)) as [Q'|]; [|contradiction].
    simpl in H. rewrite <- (exp_ln (text_probability p first text)), <- (exp_ln (text_probability q first text)) by auto.
    rewrite <- exp_plus.
    destruct (Req_dec (ln (text_probability p first text)) (- k + ln (text_probability q first text))) as [E|E].
    + rewrite E. lra.
    + left. apply exp_increasing. lra.
  - rewrite sum_texts_scal.
    change (exp (- k) * sum_texts V n (text_probability q first) <= exp (- k)).
    rewrite continuations_sum_to_one by auto. lra.
Qed.

(** A text of n + k words is one of n words, and k that follow. *)
Lemma sum_texts_app V n k F :
  sum_texts V (n + k) F = sum_texts V n (fun text => sum_texts V k (fun rest => F (text ++ rest))).
Proof.
  revert F. induction n as [|n IH]; intros F; simpl; [reflexivity|].
  apply sum_ext. intros v _. apply (IH (fun text => F (v :: text))).
Qed.

Lemma text_probability_app m first text rest :
  text_probability m first (text ++ rest)
  = text_probability m first text * text_probability m (first ++ text) rest.
Proof.
  revert first. induction text as [|v text IH]; intros first.
  - rewrite app_nil_r. unfold text_probability at 2. simpl. ring.
  - simpl app. rewrite !text_probability_cons, IH, <- app_assoc. simpl. ring.
Qed.

(** What is decided by the first n words has the same probability in longer texts. *)
Lemma probability_of_beginning V n k p first event decide : predicts V p ->
  probability V (n + k) p first (fun text => event (firstn n text)) (fun text => decide (firstn n text))
  = probability V n p first event decide.
Proof.
  intros Hp. unfold probability. rewrite sum_texts_app. apply sum_texts_ext. intros text _ Hl.
  rewrite (sum_texts_ext V k _ (fun rest =>
    (if decide text then text_probability p first text else 0) * text_probability p (first ++ text) rest)).
  - rewrite sum_texts_scal.
    change ((if decide text then text_probability p first text else 0)
            * sum_texts V k (text_probability p (first ++ text))
            = if decide text then text_probability p first text else 0).
    rewrite continuations_sum_to_one by auto. ring.
  - intros rest _ _. rewrite firstn_app, Hl, Nat.sub_diag, firstn_all2, app_nil_r by lia.
    rewrite text_probability_app. destruct (decide text); ring.
Qed.

Lemma some_below_dec (P : nat -> Prop) (dec : forall n, {P n} + {~ P n}) k :
  {exists j, (j < k)%nat /\ P j} + {~ exists j, (j < k)%nat /\ P j}.
Proof.
  induction k as [|k [IH|IH]]; [right; intros [j [H _]]; lia|..].
  - left. destruct IH as [j [H Pj]]. exists j. auto.
  - destruct (dec k) as [H|H]; [left; exists k; auto|right].
    intros [j [Hj Pj]]. destruct (Nat.eq_dec j k) as [->|]; [auto|].
    apply IH. exists j. split; [lia|auto].
Qed.

Lemma sum_texts_sum V n k (F : nat -> list nat -> R) :
  sum_texts V n (fun text => Σ j < k, F j text) = Σ j < k, sum_texts V n (F j).
Proof.
  revert F. induction n as [|n IH]; intros F; simpl; [reflexivity|].
  rewrite sum_swap. apply sum_ext. intros v _. apply (IH (fun j text => F j (v :: text))).
Qed.

(** Some event of a list is no more probable than all of them together. *)
Lemma union_bound V n p first k (event : nat -> list nat -> Prop)
  (decide : forall j text, {event j text} + {~ event j text}) : predicts V p ->
  probability V n p first (fun text => exists j, (j < k)%nat /\ event j text)
    (fun text => some_below_dec (fun j => event j text) (fun j => decide j text) k)
  <= Σ j < k, probability V n p first (event j) (decide j).
Proof.
  intros Hp. unfold probability.
  apply Rle_trans with
    (sum_texts V n (fun text => Σ j < k, if decide j text then text_probability p first text else 0)).
  - apply sum_texts_le. intros text Ht _.
    assert (P := text_probability_nonneg V p first text Hp Ht).
    assert (N : forall j, (j < k)%nat -> 0 <= if decide j text then text_probability p first text else 0)
      by (intros j _; destruct (decide j text); lra).
    destruct (some_below_dec _ _ k) as [[j [Hj E]]|_]; [|apply sum_nonneg; exact N].
    apply Rle_trans with (if decide j text then text_probability p first text else 0).
    + destruct (decide j text); [lra|contradiction].
    + apply (one_term_le k j (fun j => if decide j text then text_probability p first text else 0)); auto.
  - right. rewrite sum_texts_sum. reflexivity.
Qed.

(* box: prop-long-run, part 3
   Covers: part 3 for texts of any finite length: that the model is ahead by $2 \log n$ for some
     $n \ge n_0$ has at most the probability $1/(n_0 - 1)$, however long the text. The step to
     endless texts, with probability 1, is not covered.
   Hypotheses: the source p and the model q are distributions after every beginning and read only
     the words before; losses may be infinite.
   Cobre: a parte 3 para textos de qualquer comprimento finito: estar o modelo à frente por $2
     \log n$ para algum $n \ge n_0$ tem probabilidade no máximo $1/(n_0 - 1)$, por mais longo que
     seja o texto. O passo para textos sem fim, com probabilidade 1, não é coberto.
   Hipóteses: a fonte p e o modelo q são distribuições depois de todo começo e leem só as
     palavras anteriores; as perdas podem ser infinitas.
   Mutation: `/ (INR n0 - 1)` becomes `- / (INR n0 - 1)`. *)
Theorem seldom_ahead_from_some_word_on V n0 k (p q : model) (first : list nat) :
  predicts V p -> predicts V q -> (2 <= n0)%nat ->
  let event j text := ahead p q first (2 * ln (INR (n0 + j))) (firstn (n0 + j) text) in
  let decide j text := ahead_dec p q first (2 * ln (INR (n0 + j))) (firstn (n0 + j) text) in
  probability V (n0 + k) p first (fun text => exists j, (j < k)%nat /\ event j text)
    (fun text => some_below_dec (fun j => event j text) (fun j => decide j text) k)
  <= / (INR n0 - 1).
Proof.
  intros Hp Hq Hn event decide.
  assert (H2 : 2 <= INR n0) by (apply le_INR in Hn; simpl in Hn; lra).
  eapply Rle_trans; [apply union_bound; exact Hp|].
  apply Rle_trans with (Σ j < k, (- / (INR n0 - 1 + INR (S j)) - - / (INR n0 - 1 + INR j))).
  - apply sum_le. intros j Hj. unfold event, decide.
    replace (n0 + k)%nat with ((n0 + j) + (k - j))%nat by lia.
    rewrite (probability_of_beginning V (n0 + j) (k - j) p first
      (ahead p q first (2 * ln (INR (n0 + j)))) (ahead_dec p q first (2 * ln (INR (n0 + j)))) Hp).
    eapply Rle_trans; [apply luck_is_rare; auto|].
    assert (Hj0 := pos_INR j). rewrite S_INR, plus_INR. set (x := INR n0 + INR j).
    assert (Hx : 2 <= x) by (unfold x; lra).
    replace (- (2 * ln x)) with (- ln x + - ln x) by ring.
    rewrite exp_plus, exp_Ropp, exp_ln by lra.
    replace (INR n0 - 1 + (INR j + 1)) with x by (unfold x; ring).
    replace (INR n0 - 1 + INR j) with (x - 1) by (unfold x; ring).
    replace (- / x - - / (x - 1)) with (/ (x * (x - 1))) by (field; lra).
    rewrite <- Rinv_mult. apply Rinv_le_contravar; nra.
  - rewrite (sum_telescope k (fun j => - / (INR n0 - 1 + INR j))). simpl INR.
    rewrite Rplus_0_r. assert (Hk := pos_INR k).
    assert (0 < / (INR n0 - 1 + INR k)) by (apply Rinv_0_lt_compat; lra). lra.
Qed.

(** * Perplexity *)

(** exp of a loss that may be infinite. *)
Definition Rbar_exp (x : Rbar) : Rbar :=
  match x with Finite r => Finite (exp r) | p_infty => p_infty | m_infty => Finite 0 end.

Definition perplexity (N : nat) (p : nat -> R) : Rbar :=
  Rbar_exp (Rbar_mult (Finite (/ INR N)) (Rbar_sum N (fun t => surprise (p t)))).

(* box: def-perplexity
   Covers: perplexity is the inverse of the geometric mean, and infinite where a right word had
     the probability 0; where every right word had the probability $1/m$ it is $m$.
   Hypotheses: at least one word; p t is the probability of the right word at step t.
   Cobre: a perplexidade é o inverso da média geométrica, e infinita onde uma palavra certa teve
     probabilidade 0; onde toda palavra certa teve probabilidade $1/m$, ela é $m$.
   Hipóteses: ao menos uma palavra; p t é a probabilidade da palavra certa no passo t.
   Mutation: `(- / INR N)` becomes `(/ INR N)`. *)
Theorem perplexity_is_inverse_geometric_mean N (p : nat -> R) :
  (0 < N)%nat -> (forall t, (t < N)%nat -> 0 <= p t) ->
  ((forall t, (t < N)%nat -> 0 < p t) ->
     perplexity N p = Finite (Rpower (Π t < N, p t) (- / INR N))) /\
  ((exists t, (t < N)%nat /\ p t = 0) -> perplexity N p = p_infty) /\
  (forall m, 0 < m -> (forall t, (t < N)%nat -> p t = / m) -> perplexity N p = Finite m).
Proof.
  intros HN Hp. assert (HN' : 0 < INR N) by (apply lt_0_INR; auto).
  assert (Hpos : (forall t, (t < N)%nat -> 0 < p t) ->
    perplexity N p = Finite (exp (/ INR N * - Σ t < N, ln (p t)))).
  { intros H. unfold perplexity. rewrite (Rbar_sum_finite N _ (fun t => - ln (p t))).
    - rewrite sum_opp. reflexivity.
    - intros t Ht. apply surprise_pos; auto. }
  split; [|split].
  - intros H. rewrite Hpos by auto. f_equal. unfold Rpower. rewrite ln_prod by auto.
    f_equal. cbv beta. ring.
  - intros [t [Ht E]]. unfold perplexity. rewrite (Rbar_sum_infinite N _ t); auto.
    + rewrite Rbar_mult_infinity; [reflexivity|apply Rinv_0_lt_compat; auto].
    + intros. apply surprise_not_m_infty.
    + rewrite E. apply surprise_zero.
  - intros m Hm H. rewrite Hpos by (intros t Ht; rewrite H by auto; apply Rinv_0_lt_compat; auto).
    f_equal. rewrite (sum_ext N _ (fun _ => - ln m)).
    + rewrite sum_const. replace (/ INR N * - (INR N * - ln m)) with (ln m) by (field; lra).
      apply exp_ln; auto.
    + intros t Ht. rewrite H by auto. apply ln_Rinv; auto.
Qed.

(* box: rem-averages, parts 1-2
   Covers: part 1, for any two different losses and without the numbers; part 2, with its
     formula.
   Hypotheses: in part 2, at least one batch, and every batch counts a positive number of tokens.
   Cobre: a parte 1, para duas perdas diferentes quaisquer e sem os números; a parte 2, com sua
     fórmula.
   Hipóteses: na parte 2, ao menos um lote, e todo lote conta um número positivo de tokens.
   Mutation: `- covariance` becomes `covariance`. *)
Theorem averages :
  (forall a b, a <> b -> exp ((a + b) / 2) < (exp a + exp b) / 2) /\
  (forall K (size loss : nat -> R), (0 < K)%nat -> (forall k, (k < K)%nat -> 0 < size k) ->
     let mean f := (Σ k < K, f k) / INR K in
     let covariance := mean (fun k => size k * loss k) - mean size * mean loss in
     mean loss - (Σ k < K, size k * loss k) / (Σ k < K, size k) = - covariance / mean size).
Proof.
  split.
  - intros a b Hab. set (x := exp (a / 2)). set (y := exp (b / 2)).
    assert (Ea : exp a = x * x) by (unfold x; rewrite <- exp_plus; f_equal; lra).
    assert (Eb : exp b = y * y) by (unfold y; rewrite <- exp_plus; f_equal; lra).
    assert (Em : exp ((a + b) / 2) = x * y) by (unfold x, y; rewrite <- exp_plus; f_equal; lra).
    assert (Hxy : x <> y) by (intros E; apply exp_inv in E; lra).
    rewrite Ea, Eb, Em. assert (0 < (x - y) * (x - y)).
    { destruct (Rtotal_order x y) as [H|[H|H]]; [nra|contradiction|nra]. }
    lra.
  - intros K size loss HK Hsize mean covariance. unfold covariance, mean.
    assert (0 < INR K) by (apply lt_0_INR; auto).
    assert (0 < Σ k < K, size k) by (apply sum_pos; auto). field. split; lra.
Qed.

(* box: cex-shared
   Covers: both parts: which mean loss is lower, compared through the products of the
     probabilities; the words that fall and the guesses that win.
   Hypotheses: none; the numbers are those of the box, without the values of the losses.
   Cobre: as duas partes: qual perda média é menor, comparada pelos produtos das probabilidades;
     as palavras que caem e os palpites que vencem.
   Hipóteses: nenhuma; os números são os da caixa, sem os valores das perdas.
   Mutation: `after 1%nat < before 1%nat` becomes `before 1%nat < after 1%nat`. *)
Theorem lower_loss_less_probable_word :
  (let mean q := (- ln (q O) - ln (q O) - ln (q 1%nat)) / 3 in
   let before i := match i with O => 45 / 100 | _ => 55 / 100 end in
   let after i := match i with O => 2 / 3 | _ => 1 / 3 end in
   mean after < mean before /\ after 1%nat < before 1%nat) /\
  (let mean a b c := (- ln a - ln b - ln c) / 3 in
   mean (99 / 100) (49 / 100) (49 / 100) < mean (51 / 100) (51 / 100) (51 / 100) /\
   1 - 51 / 100 < 51 / 100 /\ 49 / 100 < 1 - 49 / 100).
Proof.
  assert (H : forall a b c, 0 < a -> 0 < b -> 0 < c -> ln a + ln b + ln c = ln (a * b * c)).
  { intros. rewrite !ln_mult; auto. apply Rmult_lt_0_compat; auto. }
  split.
  - cbv zeta beta iota. split; [|lra].
    assert (L : ln (45 / 100 * (45 / 100) * (55 / 100)) < ln (2 / 3 * (2 / 3) * (1 / 3)))
      by (apply ln_increasing; lra).
    rewrite <- !H in L by lra. lra.
  - cbv zeta beta. split; [|lra].
    assert (L : ln (51 / 100 * (51 / 100) * (51 / 100)) < ln (99 / 100 * (49 / 100) * (49 / 100)))
      by (apply ln_increasing; lra).
    rewrite <- !H in L by lra. lra.
Qed.

(* box: ex-floor
   Covers: the value, to the three decimals shown; that no model goes below it is proved with the
     relative frequencies.
   Hypotheses: none.
   Cobre: o valor, com as três casas mostradas; que nenhum modelo fica abaixo dele está provado
     com as frequências relativas.
   Hipóteses: nenhuma.
   Mutation: `2265 / 10000` becomes `2256 / 10000`. *)
Theorem floor_of_the_small_text :
  let two a b i := match i with O => a | _ => b end in
  2255 / 10000 < 5 / 21 * entropy 2 (two (4 / 5) (1 / 5)) + 4 / 21 * entropy 2 (two (3 / 4) (1 / 4))
    < 2265 / 10000.
Proof.
  intros two. unfold entropy, two. simpl sum.
  assert (L2 := ln_2_bounds).
  (* 5 / 4 and 3 / 2 are (1 + t) / (1 - t) with t = 1 / 9 and 1 / 5. *)
  assert (B9 := ln_ratio_bounds (1 / 9)). assert (B5 := ln_ratio_bounds (1 / 5)).
  replace (ln (1 + 1 / 9) - ln (1 - 1 / 9)) with (ln (5 / 4)) in B9 by
    (rewrite <- ln_div by lra; f_equal; field).
  replace (ln (1 + 1 / 5) - ln (1 - 1 / 5)) with (ln (3 / 2)) in B5 by
    (rewrite <- ln_div by lra; f_equal; field).
  replace (ln (4 / 5)) with (- ln (5 / 4)) by (rewrite <- ln_Rinv by lra; f_equal; field).
  replace (ln (1 / 5)) with (- ln (5 / 4) - 2 * ln 2).
  2:{ replace (2 * ln 2) with (ln 2 + ln 2) by ring. rewrite <- ln_mult by lra.
      rewrite <- ln_Rinv by lra. unfold Rminus. rewrite <- ln_Rinv, <- ln_mult by lra.
      f_equal. field. }
  replace (ln (3 / 4)) with (ln (3 / 2) - ln 2) by (rewrite <- ln_div by lra; f_equal; field).
  replace (ln (1 / 4)) with (- ln 2 - ln 2).
  2:{ unfold Rminus. rewrite <- ln_Rinv, <- ln_mult by lra. f_equal. field. }
  split; lra.
Qed.
