(** Chapter 7: teacher forcing. *)

From Coq Require Import List.
From NWP Require Import definitions equivalence sums.
Import ListNotations.

(** * Teacher forcing is maximum likelihood *)

(** Q: the probability of a text when word after word is drawn from the model's predictions. *)
Fixpoint drawn (m : model) (past text : list nat) : R :=
  match text with
  | [] => 1
  | v :: rest => m past v * drawn m (past ++ [v]) rest
  end.

Lemma drawn_probability m text : forall past, drawn m past text = text_probability m past text.
Proof.
  induction text as [|v text IH]; intros past; [reflexivity|].
  simpl. rewrite IH, text_probability_cons. reflexivity.
Qed.

(* box: prop-chain
   Covers: the whole statement, also where a word is excluded and both sides are infinite.
   Hypotheses: each prediction is a distribution that reads only the words before it; the
     corpus has at least one prediction.
   Cobre: o enunciado inteiro, também onde uma palavra é excluída e os dois lados são
     infinitos.
   Hipóteses: cada previsão é uma distribuição que lê só as palavras anteriores; o corpus tem
     pelo menos uma previsão.
   Mutation: `maximizes (fun` becomes `minimizes (fun θ => Finite 0) θ /\ maximizes (fun`. *)
Theorem teacher_forcing_is_maximum_likelihood {Θ : Type} V (m : Θ -> model) K
  (first text : nat -> list nat) :
  (forall θ, predicts V (m θ)) -> (forall k, (k < K)%nat -> words V (text k)) ->
  0 < predictions K text ->
  let Q := fun θ => drawn (m θ) in
  (* Q is a distribution over the texts of a length; the next word after a beginning has in it
     the probability that the model predicts. *)
  (forall θ past n, sum_texts V n (Q θ past) = 1) /\
  (forall θ past b v, Q θ past (b ++ [v]) = Q θ past b * m θ (past ++ b) v) /\
  (* The losses of a text add up to - log Q; both are infinite if a word is excluded. *)
  (forall θ past text, words V text -> text_loss (m θ) past text = surprise (Q θ past text)) /\
  (* The parameters that minimize the loss of the corpus are those that maximize its likelihood. *)
  (forall θ, minimizes (fun θ => corpus_mean_loss (m θ) K first text) θ <->
             maximizes (fun θ => Finite (Π k < K, Q θ (first k) (text k))) θ).
Proof.
  intros Hm Hw HN Q. split; [|split; [|split]].
  - intros θ past n. rewrite <- (continuations_sum_to_one V (m θ) past n (Hm θ)).
    apply sum_texts_ext. intros. apply drawn_probability.
  - intros θ past b v. unfold Q. revert past. induction b as [|u b IH]; intros past; simpl.
    + rewrite app_nil_r. ring.
    + rewrite IH, <- app_assoc. simpl. ring.
  - intros θ past t Ht. unfold Q. rewrite drawn_probability.
    apply text_loss_is_surprise with V; auto.
  - intros θ. destruct (corpus V m K first text Hm Hw HN) as [_ [H _]]. rewrite (proj2 (H θ)).
    assert (E : forall θ, corpus_probability (m θ) K first text = Π k < K, Q θ (first k) (text k)).
    { intros θ'. apply prod_ext. intros. symmetry. apply drawn_probability. }
    split; intros Hmax θ'; specialize (Hmax θ'); cbv beta in *; rewrite !E in *; exact Hmax.
Qed.

(* box: prop-parallel
   Covers: the whole statement, on paper: rounding is not covered.
   Hypotheses: the model is causal; the inputs are fixed.
   Cobre: o enunciado inteiro, no papel: o arredondamento não é coberto.
   Hipóteses: o modelo é causal; as entradas são fixas.
   Mutation: `firstn t text = firstn t text'` becomes `text = text'`. *)
Theorem parallel_pass (pass : list nat -> nat -> vector) :
  (* Causal: prediction t is the same for all texts that agree on the first t words. *)
  (forall text text' t, (t <= length text)%nat -> (t <= length text')%nat ->
    firstn t text = firstn t text' -> pass text t = pass text' t) ->
  forall text t, (1 <= t <= length text)%nat ->
    let beginning := firstn t text in
    length beginning = t /\ pass text t = pass beginning (length beginning).
Proof.
  intros Hcausal text t Ht beginning.
  assert (L : length beginning = t) by (apply firstn_length_le; lia).
  split; [exact L|]. rewrite L. apply Hcausal; [lia|lia|].
  unfold beginning. rewrite firstn_firstn, Nat.min_id. reflexivity.
Qed.

(** * How often a free-running model leaves the language *)

(** D(p || q) of the two next words after a beginning. *)
Definition next_divergence (V : nat) (p q : model) (past : list nat) : R :=
  Σ v < V, p past v * ln (p past v / q past v).

(** The model q excludes no word that can follow a true beginning of less than n words. *)
Definition covers (V : nat) (p q : model) (past : list nat) (n : nat) : Prop :=
  forall b v, words V b -> (length b < n)%nat -> (v < V)%nat ->
    0 < text_probability p past b -> 0 < p (past ++ b) v -> 0 < q (past ++ b) v.

Lemma covers_next V p q past n v : covers V p q past (S n) -> (v < V)%nat -> 0 < p past v ->
  covers V p q (past ++ [v]) n.
Proof.
  intros H Hv Hp b u Hb Hl Hu Hpb Hpu.
  rewrite <- app_assoc in *. apply (H (v :: b)); auto; [|simpl; lia|].
  - intros w [<-|Hin]; auto.
  - rewrite text_probability_cons. apply Rmult_lt_0_compat; auto.
Qed.

Lemma covers_text V p q text : forall past, predicts V p -> covers V p q past (length text) ->
  words V text -> 0 < text_probability p past text -> 0 < text_probability q past text.
Proof.
  induction text as [|v text IH]; intros past Hp H Hw HP.
  { unfold text_probability. simpl. lra. }
  assert (Hv : (v < V)%nat) by (apply Hw; left; reflexivity).
  assert (Ht : words V text) by (intros u Hu; apply Hw; right; exact Hu).
  rewrite text_probability_cons in *.
  assert (0 <= p past v) by (apply (Hp past); auto).
  assert (0 <= text_probability p (past ++ [v]) text)
    by (apply (text_probability_nonneg V); auto).
  assert (Hpv : 0 < p past v) by (destruct H0; [auto|nra]).
  assert (HPt : 0 < text_probability p (past ++ [v]) text) by (destruct H1; [auto|nra]).
  apply Rmult_lt_0_compat.
  - assert (C := H [] v). rewrite app_nil_r in C. apply C; auto; [intros u []|simpl; lia|].
    unfold text_probability. simpl. lra.
  - apply IH; auto. apply covers_next; auto.
Qed.

(** The divergence of two distributions of texts, term by term. *)
Definition text_divergence (V : nat) (p q : model) (past : list nat) (n : nat) : R :=
  sum_texts V n (fun text => text_probability p past text *
    ln (text_probability p past text / text_probability q past text)).

Lemma sum_texts_plus V n F G :
  sum_texts V n (fun text => F text + G text) = sum_texts V n F + sum_texts V n G.
Proof.
  revert F G. induction n as [|n IH]; intros F G; simpl; [reflexivity|].
  rewrite <- sum_plus. apply sum_ext. intros. apply IH.
Qed.

Lemma divergence_chain V p q n : predicts V p -> predicts V q ->
  forall past, covers V p q past n ->
  text_divergence V p q past n = Σ t < n, sum_texts V t (fun b =>
    text_probability p past b * next_divergence V p q (past ++ b)).
Proof.
  intros Hp Hq. unfold text_divergence. induction n as [|n IH]; intros past H.
  { simpl. unfold text_probability. simpl. unfold Rdiv. rewrite Rinv_1, Rmult_1_r, ln_1. ring. }
  rewrite sum_first. simpl sum_texts at 1 2. rewrite app_nil_r.
  replace (text_probability p past []) with 1 by reflexivity. rewrite Rmult_1_l.
  (* The summand of the word v: its own part, and that of what follows. *)
  assert (Hv : forall v, (v < V)%nat ->
    sum_texts V n (fun text => text_probability p past (v :: text) *
      ln (text_probability p past (v :: text) / text_probability q past (v :: text)))
    = p past v * ln (p past v / q past v)
      + Σ t < n, p past v * sum_texts V t (fun b =>
          text_probability p (past ++ [v]) b * next_divergence V p q ((past ++ [v]) ++ b))).
  { intros v Hv. assert (P0 : 0 <= p past v) by (apply (Hp past); auto).
    destruct P0 as [P0|Z].
    - assert (Q0 : 0 < q past v).
      { assert (C := H [] v). rewrite app_nil_r in C. apply C; auto; [intros u []|simpl; lia|].
        unfold text_probability. simpl. lra. }
      rewrite sum_scal_l, <- IH by (apply covers_next; auto).
      rewrite (sum_texts_ext V n _ (fun text =>
        p past v * ln (p past v / q past v) * text_probability p (past ++ [v]) text
        + p past v * (text_probability p (past ++ [v]) text *
            ln (text_probability p (past ++ [v]) text / text_probability q (past ++ [v]) text)))).
      + rewrite sum_texts_plus, !sum_texts_scal, continuations_sum_to_one by auto. ring.
      + intros text Ht Hl. rewrite !text_probability_cons.
        destruct (text_probability_nonneg V p (past ++ [v]) text Hp Ht) as [PT|PT].
        * assert (QT : 0 < text_probability q (past ++ [v]) text).
          { apply (covers_text V p); auto. rewrite Hl. apply covers_next; auto. }
          replace (p past v * text_probability p (past ++ [v]) text /
                   (q past v * text_probability q (past ++ [v]) text))
            with (p past v / q past v *
                  (text_probability p (past ++ [v]) text / text_probability q (past ++ [v]) text))
            by (field; lra).
          rewrite ln_mult by (apply Rdiv_lt_0_compat; auto). ring.
        * rewrite <- PT. ring.
    - (* A word that cannot follow adds nothing. *)
      rewrite <- Z. rewrite (sum_zero n) by (intros; ring).
      rewrite (sum_texts_ext V n _ (fun text => 0 * 0)); [rewrite sum_texts_scal; ring|].
      intros text _ _. rewrite text_probability_cons, <- Z. ring. }
  simpl sum_texts. rewrite (sum_ext V _ _ Hv), sum_plus. f_equal.
  rewrite sum_swap. apply sum_ext. intros t _. apply sum_ext. intros v _.
  rewrite <- sum_texts_scal. apply sum_texts_ext. intros b _ _.
  rewrite text_probability_cons, <- app_assoc. simpl. ring.
Qed.

(* box: prop-escape
   Covers: the sum and the bound, where D is finite.
   Hypotheses: texts of T words; a shorter sentence is filled up with its end, which both
     predict for certain; the model excludes no word that can follow a true beginning, so D is
     finite.
   Cobre: a soma e o limite, onde D é finita.
   Hipóteses: textos de T palavras; uma frase mais curta é completada com o seu fim, que ambos
     preveem com certeza; o modelo não exclui palavra alguma que possa seguir um início
     verdadeiro, portanto D é finita.
   Mutation: `1 - exp (- D)` becomes `1 - exp D`. *)
Theorem escape V (p q : model) past T : predicts V p -> predicts V q -> covers V p q past T ->
  let P := text_probability p past in
  let Q := text_probability q past in
  let D := text_divergence V p q past T in
  (* D is the sum over positions of the mean excess loss after true beginnings, *)
  D = Σ t < T, sum_texts V t (fun b => P b * next_divergence V p q (past ++ b)) /\
  (* 0 where both predict the same, as after the end of a sentence. *)
  (forall b, same V (p b) (q b) -> next_divergence V p q b = 0) /\
  (* What Q gives to the texts outside of the language. *)
  sum_texts V T (fun text => if Rlt_dec 0 (P text) then 0 else Q text) <= 1 - exp (- D).
Proof.
  intros Hp Hq H P Q D. split; [apply divergence_chain; auto|split].
  - intros b Hs. apply sum_zero. intros v Hv. rewrite <- (Hs v Hv).
    assert (0 <= p b v) by (apply (Hp b); auto). destruct H0 as [H0|<-]; [|ring].
    unfold Rdiv. rewrite Rinv_r, ln_1 by lra. ring.
  - (* The language has at least exp(-D): with ln (P / Q) = D - x, Q = P exp(-D) exp x. *)
    assert (In : exp (- D) <= sum_texts V T (fun text => if Rlt_dec 0 (P text) then Q text else 0)).
    { apply Rle_trans with (sum_texts V T (fun text =>
        exp (- D) * ((1 + D) * P text - P text * ln (P text / Q text)))).
      - rewrite sum_texts_scal, sum_texts_minus, sum_texts_scal.
        unfold P at 1. rewrite continuations_sum_to_one by auto. fold D.
        change (sum_texts V T (fun text => P text * ln (P text / Q text))) with D. lra.
      - apply sum_texts_le. intros text Ht Hl. destruct (Rlt_dec 0 (P text)) as [HP|HP].
        + assert (HQ : 0 < Q text).
          { apply (covers_text V p); auto. rewrite Hl. exact H. }
          set (r := ln (P text / Q text)).
          assert (E : Q text = P text * (exp (- D) * exp (D - r))).
          { rewrite <- exp_plus. replace (- D + (D - r)) with (- r) by ring.
            unfold r. rewrite exp_Ropp, exp_ln by (apply Rdiv_lt_0_compat; auto). field. lra. }
          rewrite E. assert (T0 := exp_ineq1_le (D - r)). assert (X := exp_pos (- D)).
          replace (exp (- D) * ((1 + D) * P text - P text * r))
            with (P text * (exp (- D) * (1 + (D - r)))) by ring.
          apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_l; lra.
        + assert (HP0 : 0 <= P text) by (apply (text_probability_nonneg V); auto).
          replace (P text) with 0 by lra. right. ring. }
    assert (S : sum_texts V T (fun text => if Rlt_dec 0 (P text) then Q text else 0)
                + sum_texts V T (fun text => if Rlt_dec 0 (P text) then 0 else Q text) = 1).
    { rewrite <- sum_texts_plus, <- (continuations_sum_to_one V q past T Hq).
      apply sum_texts_ext. intros text _ _. fold Q. destruct (Rlt_dec 0 (P text)); fold (Q text); ring. }
    lra.
Qed.

(** * Free-running training forgets what it reads *)

(** One word of probability m, predicted with y, in a context of probability c. *)
Lemma joint_term c m y : 0 <= c -> 0 <= m -> 0 <= y ->
  Rbar_le (Finite (c * (m - y - m * ln m))) (Rbar_mult (Finite (c * m)) (surprise y)) /\
  (Rbar_mult (Finite (c * m)) (surprise y) = Finite (c * (m - y - m * ln m)) -> 0 < c -> y = m).
Proof.
  intros Hc Hm Hy. destruct Hm as [Hm|<-].
  - destruct Hy as [Hy|<-].
    + rewrite weighted_surprise by (auto; apply Rmult_le_pos; lra).
      assert (R : 0 < y / m) by (apply Rdiv_lt_0_compat; auto).
      assert (E : m * (y / m - 1) = y - m) by (field; lra).
      split.
      * simpl. assert (T := ln_le_tangent (y / m) R). rewrite ln_div in T by auto.
        apply (Rmult_le_compat_l m) in T; [|lra]. rewrite E in T.
        replace (- (c * m * ln y)) with (c * (- (m * ln y))) by ring.
        apply Rmult_le_compat_l; lra.
      * intros [= H] Hc'. destruct (Req_dec (y / m) 1) as [H1|H1].
        -- apply (Rmult_eq_compat_r m) in H1. unfold Rdiv in H1.
           rewrite Rmult_assoc, Rinv_l in H1; lra.
        -- assert (T := ln_lt_tangent (y / m) R H1). rewrite ln_div in T by auto.
           apply (Rmult_lt_compat_l m) in T; [|lra]. rewrite E in T.
           assert (- (m * ln y) = m - y - m * ln m); [|lra].
           apply (Rmult_eq_reg_l c); lra.
    + destruct Hc as [Hc|<-].
      * rewrite weighted_surprise_infinite by (try apply Rmult_lt_0_compat; lra).
        split; [exact I|discriminate].
      * rewrite Rmult_0_l, weighted_surprise by lra. split; [simpl; lra|lra].
  - rewrite Rmult_0_r, weighted_surprise by lra. split.
    + simpl. assert (0 <= c * y) by (apply Rmult_le_pos; auto). lra.
    + intros [= H] Hc'. apply (Rmult_eq_reg_l c); lra.
Qed.

(** In a context of probability c, the loss is least exactly for y = m. *)
Lemma context_optimum V c m y : 0 <= c -> distribution V m -> distribution V y ->
  Rbar_le (Finite (c * entropy V m)) (cross_entropy V (fun v => c * m v) y) /\
  (cross_entropy V (fun v => c * m v) y = Finite (c * entropy V m) <-> (0 < c -> same V y m)).
Proof.
  intros Hc Hm Hy.
  assert (S : Σ v < V, c * (m v - y v - m v * ln (m v)) = c * entropy V m).
  { rewrite sum_scal_l, !sum_minus. rewrite (distribution_sum V m Hm), (distribution_sum V y Hy).
    unfold entropy. ring. }
  assert (T : forall v, (v < V)%nat -> _) by
    (intros v Hv; exact (joint_term c (m v) (y v) Hc (proj1 Hm v Hv) (proj1 Hy v Hv))).
  destruct (gibbs_sum V (fun v => Rbar_mult (Finite (c * m v)) (surprise (y v)))
    (fun v => c * (m v - y v - m v * ln (m v)))) as [G1 G2]; [intros v Hv; apply T; auto|].
  rewrite S in G1, G2. split; [exact G1|split].
  - intros E Hc' v Hv. apply (proj2 (T v Hv)); auto.
  - intros H. unfold cross_entropy. rewrite (Rbar_sum_finite V _ (fun v => c * - (m v * ln (m v)))).
    + rewrite sum_scal_l, sum_opp. reflexivity.
    + intros v Hv. destruct Hc as [Hc|<-].
      * rewrite (H Hc v Hv). assert (0 <= m v) by (apply Hm; auto).
        rewrite weighted_surprise; [f_equal; ring|apply Rmult_le_pos; lra|].
        intros P. destruct H0 as [|E]; auto. rewrite <- E in P. lra.
      * rewrite Rmult_0_l, weighted_surprise by lra. f_equal. ring.
Qed.

(** The sum over the rows or the columns of a joint distribution of a beginning b and a word v. *)
Definition of_beginning (V : nat) (J : nat -> vector) (b : nat) : R := Σ v < V, J b v.
Definition of_word (B : nat) (J : nat -> vector) (v : nat) : R := Σ b < B, J b v.

(** The expected loss of the predictions y, one after each beginning. *)
Definition expected_loss (V B : nat) (J y : nat -> vector) : Rbar :=
  Rbar_sum B (fun b => cross_entropy V (J b) (y b)).

(** B beginnings and V words have a joint distribution. *)
Definition joint (V B : nat) (J : nat -> vector) : Prop :=
  (forall b v, (b < B)%nat -> (v < V)%nat -> 0 <= J b v) /\ Σ b < B, of_beginning V J b = 1.

Lemma of_word_distribution V B J : joint V B J -> distribution V (of_word B J).
Proof.
  intros [H S]. split; [intros v Hv; apply sum_nonneg; auto|].
  unfold of_word. rewrite sum_swap. exact S.
Qed.

(** For any weights c of the beginnings and the same m after each of them: the least loss. *)
Lemma expected_loss_optimum V B (c : nat -> R) m (J y : nat -> vector) :
  (forall b, (b < B)%nat -> 0 <= c b) -> distribution V m -> (forall b, distribution V (y b)) ->
  (forall b v, (b < B)%nat -> (v < V)%nat -> J b v = c b * m v) ->
  Rbar_le (Finite (sum B c * entropy V m)) (expected_loss V B J y) /\
  (expected_loss V B J y = Finite (sum B c * entropy V m) <->
   forall b, (b < B)%nat -> 0 < c b -> same V (y b) m).
Proof.
  intros Hc Hm Hy HJ.
  assert (E : forall b, (b < B)%nat ->
    cross_entropy V (J b) (y b) = cross_entropy V (fun v => c b * m v) (y b)).
  { intros b Hb. apply Rbar_sum_ext. intros v Hv. rewrite HJ; auto. }
  rewrite <- sum_scal_r.
  destruct (gibbs_sum B (fun b => cross_entropy V (J b) (y b)) (fun b => c b * entropy V m))
    as [G1 G2].
  { intros b Hb. rewrite E by auto. apply context_optimum; auto. }
  split; [exact G1|split].
  - intros H b Hb. apply (context_optimum V (c b) m (y b)); auto. rewrite <- E by auto.
    apply G2; auto.
  - intros H. apply Rbar_sum_finite. intros b Hb. rewrite E by auto.
    apply context_optimum; auto.
Qed.

(* box: prop-free-running, the optimum
   Covers: at one position, that the expected loss is least exactly for the marginal after
     every beginning that is drawn.
   Hypotheses: the drawn beginning and the next word are independent, given the position; there
     are finitely many beginnings.
   Cobre: em uma posição, que a perda esperada é mínima exatamente para a marginal depois de
     todo início sorteado.
   Hipóteses: o início sorteado e a próxima palavra são independentes, dada a posição; há um
     número finito de inícios.
   Mutation: `J b v = of_beginning V J b * of_word B J v` becomes `0 <= J b v`. *)
Theorem free_running_optimum V B (J y : nat -> vector) : joint V B J ->
  (* The drawn beginning says nothing of the next word of the text. *)
  (forall b v, (b < B)%nat -> (v < V)%nat -> J b v = of_beginning V J b * of_word B J v) ->
  (forall b, distribution V (y b)) ->
  let m := of_word B J in
  (forall y', (forall b, distribution V (y' b)) ->
    Rbar_le (expected_loss V B J y) (expected_loss V B J y')) <->
  (forall b, (b < B)%nat -> 0 < of_beginning V J b -> same V (y b) m).
Proof.
  intros HJ Hind Hy m. assert (Hm := of_word_distribution V B J HJ). fold m in Hm.
  assert (Hc : forall b, (b < B)%nat -> 0 <= of_beginning V J b)
    by (intros b Hb; apply sum_nonneg; intros; apply HJ; auto).
  assert (O := fun y Hy => expected_loss_optimum V B (of_beginning V J) m J y Hc Hm Hy Hind).
  rewrite <- (proj2 (O y Hy)). split.
  - (* The least loss is reached by m after every beginning. *)
    intros H. apply Rbar_le_antisym; [|apply (O y Hy)].
    rewrite <- (proj2 (proj2 (O (fun _ => m) (fun _ => Hm)))); [apply H; auto|].
    intros b _ _ v _. reflexivity.
  - intros E y' Hy'. rewrite E. apply (O y' Hy').
Qed.

(** The mutual information of beginning and next word. *)
Definition mutual_information (V B : nat) (T : nat -> vector) : R :=
  Σ b < B, (Σ v < V, T b v * ln (T b v / (of_beginning V T b * of_word B T v))).

(** The mean loss of the predictions y on true beginnings, and that of the truth itself. *)
Definition true_loss (V B : nat) (T y : nat -> vector) : R :=
  Σ b < B, (Σ v < V, T b v * - ln (y b v)).
Definition true_entropy (V B : nat) (T : nat -> vector) : R :=
  true_loss V B T (fun b v => T b v / of_beginning V T b).

Lemma excess_is_information V B T : (forall b v, (b < B)%nat -> (v < V)%nat -> 0 <= T b v) ->
  true_loss V B T (fun _ => of_word B T) - true_entropy V B T = mutual_information V B T.
Proof.
  intros H. unfold true_entropy, true_loss, mutual_information. rewrite <- sum_minus.
  apply sum_ext. intros b Hb. rewrite <- sum_minus. apply sum_ext. intros v Hv.
  destruct (H b v Hb Hv) as [P|<-]; [|ring].
  assert (P1 : 0 < of_beginning V T b)
    by (apply Rlt_le_trans with (T b v); [auto|apply (one_term_le V v (T b)); auto]).
  assert (P2 : 0 < of_word B T v)
    by (apply Rlt_le_trans with (T b v); [auto|apply (one_term_le B b (fun b => T b v)); auto]).
  rewrite !ln_div, ln_mult by (auto; apply Rmult_lt_0_compat; auto). ring.
Qed.

(** It is 0 exactly where the beginning tells nothing. *)
Lemma information_zero V B T : joint V B T ->
  0 <= mutual_information V B T /\
  (mutual_information V B T = 0 <->
   forall b v, (b < B)%nat -> (v < V)%nat -> T b v = of_beginning V T b * of_word B T v).
Proof.
  intros HT. assert (H := proj1 HT).
  set (r := fun b v => of_beginning V T b * of_word B T v).
  assert (Hr : forall b v, (b < B)%nat -> (v < V)%nat -> 0 <= r b v).
  { intros b v Hb Hv. apply Rmult_le_pos; apply sum_nonneg; auto. }
  assert (Hz : forall b v, (b < B)%nat -> (v < V)%nat -> 0 < T b v -> 0 < r b v).
  { intros b v Hb Hv P. apply Rmult_lt_0_compat; apply Rlt_le_trans with (T b v); auto;
      [apply (one_term_le V v (T b))|apply (one_term_le B b (fun b => T b v))]; auto. }
  assert (S0 : Σ b < B, (Σ v < V, (T b v - r b v)) = 0).
  { rewrite (sum_ext B _ (fun b => of_beginning V T b - of_beginning V T b * 1)).
    - apply sum_zero. intros. ring.
    - intros b _. rewrite sum_minus. unfold r. rewrite sum_scal_l.
      change (Σ v < V, of_word B T v) with (sum V (of_word B T)).
      rewrite (distribution_sum V _ (of_word_distribution V B T HT)). reflexivity. }
  (* Each term less T - r is at least 0. *)
  set (f := fun b v => T b v * ln (T b v / r b v) - (T b v - r b v)).
  assert (Hf : forall b v, (b < B)%nat -> (v < V)%nat -> 0 <= f b v /\ (f b v = 0 -> T b v = r b v)).
  { intros b v Hb Hv. unfold f. destruct (H b v Hb Hv) as [P|<-].
    - assert (Q := Hz b v Hb Hv P).
      assert (D : 0 < r b v / T b v) by (apply Rdiv_lt_0_compat; auto).
      assert (E : T b v * (r b v / T b v - 1) = r b v - T b v) by (field; lra).
      assert (L : ln (T b v / r b v) = - ln (r b v / T b v)) by (rewrite !ln_div by auto; ring).
      rewrite L. split.
      + assert (I := ln_le_tangent _ D). nra.
      + intros Z. destruct (Req_dec (r b v / T b v) 1) as [E1|E1].
        * apply (Rmult_eq_compat_r (T b v)) in E1. unfold Rdiv in E1.
          rewrite Rmult_assoc, Rinv_l in E1; lra.
        * assert (I := ln_lt_tangent _ D E1). nra.
    - specialize (Hr b v Hb Hv). split; lra. }
  assert (E : mutual_information V B T = Σ b < B, (Σ v < V, f b v)).
  { unfold f. rewrite (sum_ext B (fun b => Σ v < V, (T b v * ln (T b v / r b v) - (T b v - r b v)))
      (fun b => (Σ v < V, T b v * ln (T b v / r b v)) - (Σ v < V, (T b v - r b v))))
      by (intros; apply sum_minus).
    rewrite sum_minus, S0. unfold mutual_information, r. ring. }
  assert (Hs : forall b, (b < B)%nat -> 0 <= Σ v < V, f b v)
    by (intros; apply sum_nonneg; intros; apply Hf; auto).
  rewrite E. split; [apply sum_nonneg; auto|split].
  - intros Z b v Hb Hv. apply Hf; auto. apply (terms_zero V (f b)); auto.
    + intros; apply Hf; auto.
    + apply (terms_zero B (fun b => Σ v < V, f b v)); auto.
  - intros I. apply sum_zero. intros b Hb. apply sum_zero. intros v Hv. unfold f.
    rewrite (I b v Hb Hv). fold (r b v).
    destruct (Hr b v Hb Hv) as [P|<-]; [|ring]. unfold Rdiv. rewrite Rinv_r, ln_1 by lra. ring.
Qed.

(* box: prop-free-running, the excess
   Covers: that the excess on true beginnings is the mutual information, summed with any
     weights of the positions.
   Hypotheses: the training's words have the marginals of the truth.
   Cobre: que o excesso nos inícios verdadeiros é a informação mútua, somada com quaisquer
     pesos das posições.
   Hipóteses: as palavras do treinamento têm as marginais da verdade.
   Mutation: `- true_entropy V B (T t))` becomes `+ true_entropy V B (T t))`. *)
Theorem free_running_excess V B n (weight : nat -> R) (T J : nat -> nat -> vector) :
  (* At position t < n, which occurs with its weight: the truth T t, and the training J t, with
     the same marginal of the next word. *)
  (forall t, (t < n)%nat -> joint V B (T t)) ->
  (forall t v, (t < n)%nat -> (v < V)%nat -> of_word B (J t) v = of_word B (T t) v) ->
  let m := fun t => of_word B (J t) in
  Σ t < n, (weight t * (true_loss V B (T t) (fun _ => m t) - true_entropy V B (T t)))
  = Σ t < n, (weight t * mutual_information V B (T t)).
Proof.
  intros HT Hm m. apply sum_ext. intros t Ht. f_equal.
  rewrite <- excess_is_information by apply (HT t Ht). f_equal. unfold true_loss.
  apply sum_ext. intros b _. apply sum_ext. intros v Hv. unfold m. rewrite Hm; auto.
Qed.

(** P gives the texts of n words numbers of at least 0; the probability of v at position i. *)
Definition marginal (V n : nat) (P : list nat -> R) (i v : nat) : R :=
  sum_texts V n (fun text => if Nat.eq_dec (nth i text 0%nat) v then P text else 0).

Lemma one_text_le V n F : (forall text, words V text -> length text = n -> 0 <= F text) ->
  forall text, words V text -> length text = n -> F text <= sum_texts V n F.
Proof.
  revert F. induction n as [|n IH]; intros F H text Ht Hl.
  - destruct text; [simpl; lra|discriminate].
  - destruct text as [|v text]; [discriminate|]. simpl in Hl |- *.
    assert (Hv : (v < V)%nat) by (apply Ht; left; reflexivity).
    assert (Hcons : forall u t, (u < V)%nat -> words V t -> words V (u :: t))
      by (intros u t Hu Hw w [<-|Hin]; auto).
    apply Rle_trans with (sum_texts V n (fun t => F (v :: t))).
    + apply (IH (fun t => F (v :: t))); [| |lia].
      * intros t Hw Hn. apply H; [apply Hcons; auto|simpl; lia].
      * intros u Hu. apply Ht. right. exact Hu.
    + apply (one_term_le V v (fun v => sum_texts V n (fun t => F (v :: t)))); auto.
      intros u Hu. apply Rle_trans with (sum_texts V n (fun _ => 0 * 0)).
      * rewrite sum_texts_scal. lra.
      * apply sum_texts_le. intros t Hw Hn. rewrite Rmult_0_l. apply H; [apply Hcons; auto|simpl; lia].
Qed.

(* box: prop-free-running, true beginnings
   Covers: that at the optimum every true beginning has a positive probability of being drawn.
   Hypotheses: each word is drawn from the marginal of its position.
   Cobre: que no ótimo todo início verdadeiro tem probabilidade positiva de ser sorteado.
   Hipóteses: cada palavra é sorteada da marginal da sua posição.
   Mutation: `0 < P b` becomes `0 <= P b`. *)
Theorem true_beginnings_are_drawn V n (P : list nat -> R) b :
  (forall text, words V text -> length text = n -> 0 <= P text) ->
  words V b -> length b = n -> 0 < P b ->
  (* Each word drawn from the marginal of its position. *)
  0 < Π i < n, marginal V n P i (nth i b 0%nat).
Proof.
  intros HP Hb Hl Hpos. apply prod_pos. intros i Hi. apply Rlt_le_trans with (P b); auto.
  apply Rle_trans with (if Nat.eq_dec (nth i b 0%nat) (nth i b 0%nat) then P b else 0).
  - destruct (Nat.eq_dec (nth i b 0%nat) (nth i b 0%nat)); [lra|contradiction].
  - apply (one_text_le V n
      (fun text => if Nat.eq_dec (nth i text 0%nat) (nth i b 0%nat) then P text else 0)); auto.
    intros text Hw Hn. destruct (Nat.eq_dec (nth i text 0%nat) (nth i b 0%nat)); [auto|lra].
Qed.

(** ** With a source *)

(** The expected loss, where the model reads the source s < N beside the beginning. *)
Definition sourced_loss (V B N : nat) (J y : nat -> nat -> vector) : Rbar :=
  Rbar_sum N (fun s => expected_loss V B (J s) (y s)).

(** The probability of the source s, and the next word's given the source. *)
Definition of_source (V B : nat) (J : nat -> nat -> vector) (s : nat) : R :=
  Σ b < B, of_beginning V (J s) b.
Definition given_source (V B : nat) (J : nat -> nat -> vector) (s v : nat) : R :=
  of_word B (J s) v / of_source V B J s.

(* box: cor-source, the optimum
   Covers: at one position, that the expected loss is least exactly for the marginal given the
     source.
   Hypotheses: given the source, the drawn beginning and the next word are independent; there
     are finitely many sources and beginnings, each source of positive probability.
   Cobre: em uma posição, que a perda esperada é mínima exatamente para a marginal dada a
     fonte.
   Hipóteses: dada a fonte, o início sorteado e a próxima palavra são independentes; há um
     número finito de fontes e inícios, cada fonte com probabilidade positiva.
   Mutation: `J s b v = of_beginning V (J s) b * given_source V B J s v` becomes
     `0 <= J s b v`. *)
Theorem source_optimum V B N (J y : nat -> nat -> vector) :
  (forall s b v, (s < N)%nat -> (b < B)%nat -> (v < V)%nat -> 0 <= J s b v) ->
  (forall s, (s < N)%nat -> 0 < of_source V B J s) ->
  (* Given the source, the drawn beginning says nothing of the next word of the text. *)
  (forall s b v, (s < N)%nat -> (b < B)%nat -> (v < V)%nat ->
    J s b v = of_beginning V (J s) b * given_source V B J s v) ->
  (forall s b, distribution V (y s b)) ->
  (forall y', (forall s b, distribution V (y' s b)) ->
    Rbar_le (sourced_loss V B N J y) (sourced_loss V B N J y')) <->
  (forall s b, (s < N)%nat -> (b < B)%nat -> 0 < of_beginning V (J s) b ->
    same V (y s b) (given_source V B J s)).
Proof.
  intros HJ Hpos Hind Hy.
  assert (Hc : forall s b, (s < N)%nat -> (b < B)%nat -> 0 <= of_beginning V (J s) b)
    by (intros; apply sum_nonneg; auto).
  assert (Hm : forall s, (s < N)%nat -> distribution V (given_source V B J s)).
  { intros s Hs. specialize (Hpos s Hs). split.
    - intros v Hv. apply Rmult_le_pos; [apply sum_nonneg; auto|left; apply Rinv_0_lt_compat; auto].
    - unfold given_source. rewrite sum_div. unfold of_word. rewrite sum_swap.
      change (of_source V B J s / of_source V B J s = 1). apply Rinv_r. lra. }
  set (least := fun s => of_source V B J s * entropy V (given_source V B J s)).
  assert (O : forall y, (forall s b, distribution V (y s b)) ->
    Rbar_le (Finite (sum N least)) (sourced_loss V B N J y) /\
    (sourced_loss V B N J y = Finite (sum N least) <->
     forall s b, (s < N)%nat -> (b < B)%nat -> 0 < of_beginning V (J s) b ->
       same V (y s b) (given_source V B J s))).
  { intros q Hq.
    assert (X := fun s (Hs : (s < N)%nat) => expected_loss_optimum V B (of_beginning V (J s))
      (given_source V B J s) (J s) (q s) (fun b => Hc s b Hs) (Hm s Hs) (Hq s)
      (fun b v => Hind s b v Hs)).
    destruct (gibbs_sum N (fun s => expected_loss V B (J s) (q s)) least) as [G1 G2];
      [intros s Hs; apply X; auto|].
    split; [exact G1|split].
    - intros E s b Hs Hb. apply (proj2 (X s Hs)); auto. apply G2; auto.
    - intros E. apply Rbar_sum_finite. intros s Hs. apply X; auto. }
  rewrite <- (proj2 (O y Hy)). split.
  - intros H. apply Rbar_le_antisym; [|apply (O y Hy)].
    (* The least loss is reached by the marginals given the source. *)
    destruct (Nat.eq_dec N 0) as [->|HN]; [simpl; lra|].
    set (best := fun s (_ : nat) => if Nat.ltb s N then given_source V B J s
                                    else given_source V B J 0).
    assert (Hb : forall s b, distribution V (best s b)).
    { intros s b. unfold best. destruct (Nat.ltb_spec s N); apply Hm; lia. }
    rewrite <- (proj2 (proj2 (O best Hb))); [apply H; auto|].
    intros s b Hs _ _ v _. unfold best. destruct (Nat.ltb_spec s N); [reflexivity|lia].
  - intros E y' Hy'. rewrite E. apply (O y' Hy').
Qed.

(* box: cor-source, the excess
   Covers: that the excess is the mutual information given the source, averaged over sources
     and positions, and when it is 0.
   Hypotheses: sources have positive shares, and positions positive weights.
   Cobre: que o excesso é a informação mútua dada a fonte, na média sobre fontes e posições, e
     quando é 0.
   Hipóteses: as fontes têm parcelas positivas, e as posições pesos positivos.
   Mutation: `0 < share s` becomes `0 <= share s`. *)
Theorem source_excess V B N n (share : nat -> R) (weight : nat -> nat -> R)
  (T : nat -> nat -> nat -> vector) :
  (* Sources with their shares; at position t of a text of the source s the truth T s t. *)
  (forall s t, (s < N)%nat -> (t < n)%nat -> joint V B (T s t)) ->
  (forall s, (s < N)%nat -> 0 < share s) ->
  (forall s t, (s < N)%nat -> (t < n)%nat -> 0 < weight s t) ->
  let m := fun s t => of_word B (T s t) in
  let excess := Σ s < N, (share s * Σ t < n, (weight s t *
    (true_loss V B (T s t) (fun _ => m s t) - true_entropy V B (T s t)))) in
  (* The mutual information given the source, averaged over the positions; *)
  excess = Σ s < N, (share s * Σ t < n, (weight s t * mutual_information V B (T s t))) /\
  (* 0 exactly if source and position leave nothing that the beginning could tell. *)
  (excess = 0 <-> forall s t b v, (s < N)%nat -> (t < n)%nat -> (b < B)%nat -> (v < V)%nat ->
    T s t b v = of_beginning V (T s t) b * of_word B (T s t) v).
Proof.
  intros HT Hshare Hweight m excess.
  assert (E : excess
    = Σ s < N, (share s * Σ t < n, (weight s t * mutual_information V B (T s t)))).
  { apply sum_ext. intros s Hs. f_equal. apply sum_ext. intros t Ht. f_equal.
    apply excess_is_information. apply (HT s t Hs Ht). }
  split; [exact E|]. rewrite E.
  assert (I := fun s t Hs Ht => information_zero V B (T s t) (HT s t Hs Ht)).
  assert (Hin : forall s, (s < N)%nat ->
    0 <= Σ t < n, (weight s t * mutual_information V B (T s t))).
  { intros s Hs. apply sum_nonneg. intros t Ht.
    apply Rmult_le_pos; [left; auto|apply (I s t Hs Ht)]. }
  split.
  - (* A sum of terms of at least 0, each with a positive factor. *)
    intros Z s t b v Hs Ht Hb Hv. apply (proj2 (I s t Hs Ht)); auto.
    assert (Z1 : share s * Σ t < n, (weight s t * mutual_information V B (T s t)) = 0).
    { apply (terms_zero N (fun s => share s * Σ t < n, (weight s t * mutual_information V B (T s t))));
        auto. intros u Hu. apply Rmult_le_pos; [left; auto|auto]. }
    apply Rmult_integral in Z1. destruct Z1 as [Z1|Z1]; [specialize (Hshare s Hs); lra|].
    assert (Z2 : weight s t * mutual_information V B (T s t) = 0).
    { apply (terms_zero n (fun t => weight s t * mutual_information V B (T s t))); auto.
      intros u Hu. apply Rmult_le_pos; [left; auto|apply (I s u Hs Hu)]. }
    apply Rmult_integral in Z2. destruct Z2 as [Z2|Z2]; [specialize (Hweight s t Hs Ht); lra|exact Z2].
  - intros H. apply sum_zero. intros s Hs. rewrite sum_zero; [ring|]. intros t Ht.
    rewrite (proj2 (proj2 (I s t Hs Ht))); [ring|]. intros. apply H; auto.
Qed.
