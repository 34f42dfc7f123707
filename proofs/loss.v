(** Chapter 1: the loss of a next word. *)

From NWP Require Import definitions.

(** * Only a logarithm adds up *)

(** An additive function that never falls is a multiple of its argument: between the integers
    k <= n x <= k + 1 it lies between k f(1) and (k + 1) f(1), for every n. *)
Lemma additive_monotone (f : R -> R) :
  (forall x y, 0 <= x -> x <= y -> f x <= f y) ->
  (forall x y, 0 <= x -> 0 <= y -> f (x + y) = f x + f y) ->
  forall x, 0 <= x -> f x = f 1 * x.
Proof.
  intros Hmono Hadd.
  assert (H0 : f 0 = 0) by (assert (H := Hadd 0 0); rewrite Rplus_0_l in H; lra).
  assert (Hn : forall n x, 0 <= x -> f (INR n * x) = INR n * f x).
  { induction n as [|n IH]; intros x Hx; [simpl; rewrite !Rmult_0_l; exact H0|].
    assert (0 <= INR n * x) by (apply Rmult_le_pos; [apply pos_INR|auto]).
    rewrite S_INR, Rmult_plus_distr_r, Rmult_1_l, Hadd, IH by auto. lra. }
  intros x Hx.
  assert (H1 : 0 <= f 1) by (rewrite <- H0; apply Hmono; lra).
  assert (Hclose : forall n, Rabs (INR n * (f x - f 1 * x)) <= f 1).
  { intros n.
    assert (Hnx : 0 <= INR n * x) by (apply Rmult_le_pos; [apply pos_INR|auto]).
    destruct (nfloor_ex (INR n * x) Hnx) as [k [Hk1 Hk2]].
    assert (A : f (INR k * 1) <= f (INR n * x)).
    { apply Hmono; rewrite Rmult_1_r; auto. apply pos_INR. }
    assert (B : f (INR n * x) <= f (INR (S k) * 1)).
    { apply Hmono; auto. rewrite S_INR. lra. }
    rewrite !Hn in A, B by lra. rewrite S_INR in B.
    apply Rabs_le. nra. }
  destruct (Req_dec (f x - f 1 * x) 0) as [H|H]; [lra|exfalso].
  assert (Hpos : 0 < Rabs (f x - f 1 * x)) by (apply Rabs_pos_lt; auto).
  destruct (nfloor_ex ((f 1 + 1) / Rabs (f x - f 1 * x))) as [k [_ Hk]].
  { apply Rlt_le, Rdiv_lt_0_compat; lra. }
  specialize (Hclose (S k)). rewrite S_INR, Rabs_mult in Hclose.
  rewrite (Rabs_pos_eq (INR k + 1)) in Hclose by (assert (H2 := pos_INR k); lra).
  apply (Rmult_lt_compat_r _ _ _ Hpos) in Hk. unfold Rdiv in Hk.
  rewrite Rmult_assoc, Rinv_l in Hk by lra. lra.
Qed.

(* box: prop-surprise
   Covers: the whole statement.
   Hypotheses: the cost is a real number on all of $(0, 1]$, and reads one probability; 1 and 2
     hold there.
   Cobre: o enunciado inteiro.
   Hipóteses: o custo é um número real em todo o intervalo $(0, 1]$ e lê uma só probabilidade; 1
     e 2 valem ali.
   Mutation: `s p = - c * ln p` becomes `s p = c * ln p`. *)
Theorem only_a_logarithm_adds_up (s : R -> R) :
  (forall p q, 0 < q <= 1 -> 0 < p <= 1 -> q <= p -> s p <= s q) ->
  (forall a b, 0 < a <= 1 -> 0 < b <= 1 -> s (a * b) = s a + s b) ->
  exists c, 0 <= c /\ forall p, 0 < p <= 1 -> s p = - c * ln p.
Proof.
  intros Hmono Hadd.
  assert (Hin : forall x, 0 <= x -> 0 < exp (- x) <= 1).
  { intros x Hx. split; [apply exp_pos|].
    rewrite <- exp_0. destruct Hx as [Hx| <-]; [left; apply exp_increasing; lra|right; f_equal; lra]. }
  set (f := fun x => s (exp (- x))).
  assert (Hf1 : forall x y, 0 <= x -> x <= y -> f x <= f y).
  { intros x y Hx Hxy. apply Hmono; try (apply Hin; lra).
    destruct Hxy as [Hxy| <-]; [left; apply exp_increasing; lra|lra]. }
  assert (Hf2 : forall x y, 0 <= x -> 0 <= y -> f (x + y) = f x + f y).
  { intros x y Hx Hy. unfold f. rewrite Ropp_plus_distr, exp_plus. auto. }
  assert (Hlin := additive_monotone f Hf1 Hf2).
  exists (f 1). split.
  - assert (f 0 = 0) by (rewrite Hlin; lra). rewrite <- H. apply Hf1; lra.
  - intros p Hp. assert (Hln := ln_nonpos p Hp).
    replace (s p) with (f (- ln p)).
    + rewrite Hlin; lra.
    + unfold f. rewrite Ropp_involutive, exp_ln; tauto.
Qed.

(** * Lookup and inner product *)

(* box: prop-lookup
   Covers: the whole statement, also where both sides are infinite.
   Hypotheses: w is a word of the vocabulary; y is exactly one-hot; 0 times infinity is 0. That
     the prediction is a distribution is not needed.
   Cobre: o enunciado inteiro, também onde os dois lados são infinitos.
   Hipóteses: w é uma palavra do vocabulário; y é exatamente one-hot; 0 vezes infinito é 0. Não é
     preciso que a previsão seja uma distribuição.
   Mutation: `(w < V)%nat` becomes `(w <= V)%nat`. *)
Theorem lookup_is_inner_product V q w :
  (w < V)%nat -> cross_entropy V (one_hot w) q = loss q w.
Proof.
  unfold cross_entropy, loss. intros Hw. induction V as [|V IH]; [lia|]. simpl.
  destruct (Nat.eq_dec V w) as [->|Hne].
  - rewrite Rbar_sum_zero, one_hot_same, Rbar_mult_one; [apply Rbar_plus_0_l|].
    intros i Hi. rewrite one_hot_other by lia. apply Rbar_mult_0_l.
  - rewrite IH, one_hot_other, Rbar_mult_0_l by lia. apply Rbar_plus_0_r.
Qed.

(** * From logits: a masked word has the logit -oo *)

(** e^z, which is 0 for a masked word. *)
Definition exp_of (z : Rbar) : R := match z with Finite x => exp x | _ => 0 end.

(** Every logit is finite or -oo, and at least one is finite. *)
Definition logits (V : nat) (z : nat -> Rbar) : Prop :=
  (forall i, (i < V)%nat -> z i <> p_infty) /\ exists k, (k < V)%nat /\ is_finite (z k).

Definition masked_softmax (V : nat) (z : nat -> Rbar) : vector :=
  fun i => exp_of (z i) / Σ j < V, exp_of (z j).

Lemma exp_of_nonneg z : 0 <= exp_of z.
Proof. destruct z; simpl; [left; apply exp_pos|lra|lra]. Qed.

Lemma masked_normalizer_pos V z : logits V z -> 0 < Σ j < V, exp_of (z j).
Proof.
  intros [_ [k [Hk Hfin]]]. apply Rlt_le_trans with (exp_of (z k)).
  - rewrite <- Hfin. apply exp_pos.
  - apply (one_term_le V k (fun j => exp_of (z j))); auto. intros. apply exp_of_nonneg.
Qed.

Lemma exp_of_plus z c : exp_of (Rbar_plus z (Finite c)) = exp c * exp_of z.
Proof. destruct z; simpl; [rewrite exp_plus|..]; ring. Qed.

Lemma masked_softmax_of_finite V (z : vector) i : masked_softmax V z i = softmax V z i.
Proof. reflexivity. Qed.

(* box: rem-shift
   Covers: softmax and loss are invariant, log-sum-exp is equivariant.
   Hypotheses: c is real; at least one logit is finite, the others are finite or $-\infty$.
   Cobre: a softmax e a perda são invariantes, o log-sum-exp é equivariante.
   Hipóteses: c é real; ao menos um logit é finito, os outros são finitos ou $-\infty$.
   Mutation: `= c + ln` becomes `= - c + ln`. *)
Theorem shift V z c :
  logits V z ->
  (forall i, masked_softmax V (fun j => Rbar_plus (z j) (Finite c)) i = masked_softmax V z i) /\
  (forall w, loss (masked_softmax V (fun j => Rbar_plus (z j) (Finite c))) w
             = loss (masked_softmax V z) w) /\
  ln (Σ j < V, exp_of (Rbar_plus (z j) (Finite c))) = c + ln (Σ j < V, exp_of (z j)).
Proof.
  intros Hz. assert (Hpos := masked_normalizer_pos V z Hz). assert (He := exp_pos c).
  assert (Hsum : Σ j < V, exp_of (Rbar_plus (z j) (Finite c)) = exp c * Σ j < V, exp_of (z j)).
  { rewrite <- sum_scal_l. apply sum_ext. intros. apply exp_of_plus. }
  assert (Hinv : forall i, masked_softmax V (fun j => Rbar_plus (z j) (Finite c)) i
                           = masked_softmax V z i).
  { intros i. unfold masked_softmax. rewrite Hsum, exp_of_plus. field. lra. }
  split; [exact Hinv|split].
  - intros w. unfold loss. rewrite Hinv. reflexivity.
  - rewrite Hsum, ln_mult, ln_exp by auto. reflexivity.
Qed.

(* box: prop-stable
   Covers: the formula; both terms are at least 0; every exponential is at most 1, so none
     overflows. Rounding is not covered.
   Hypotheses: $z[k] = m$ is finite, no logit is larger, and the right word's logit is finite.
   Cobre: a fórmula; os dois termos são pelo menos 0; cada exponencial é no máximo 1, portanto
     nenhuma transborda. O arredondamento não é coberto.
   Hipóteses: $z[k] = m$ é finito, nenhum logit é maior, e o logit da palavra certa é finito.
   Mutation: `(m - x) + ln` becomes `(x - m) + ln`. *)
Theorem stable V (z : nat -> Rbar) (k w : nat) (m x : R) :
  (k < V)%nat -> z k = Finite m -> (forall j, (j < V)%nat -> Rbar_le (z j) (Finite m)) ->
  (w < V)%nat -> z w = Finite x ->
  loss (masked_softmax V z) w
    = Finite ((m - x) + ln (1 + others V k (fun j => exp_of (Rbar_minus (z j) (Finite m))))) /\
  0 <= m - x /\
  0 <= ln (1 + others V k (fun j => exp_of (Rbar_minus (z j) (Finite m)))) /\
  (forall j, (j < V)%nat -> exp_of (Rbar_minus (z j) (Finite m)) <= 1).
Proof.
  intros Hk Hm Hmax Hw Hx.
  set (rest := others V k (fun j => exp_of (Rbar_minus (z j) (Finite m)))).
  assert (Hrest : 0 <= rest) by (apply others_nonneg; intros; apply exp_of_nonneg).
  assert (Hz : logits V z).
  { split; [|exists k; rewrite Hm; split; [auto|reflexivity]].
    intros i Hi E. specialize (Hmax i Hi). rewrite E in Hmax. exact Hmax. }
  assert (Hsum : Σ j < V, exp_of (z j) = exp m * (1 + rest)).
  { rewrite (sum_others V k) by auto. rewrite Hm. simpl. unfold rest, others.
    rewrite Rmult_plus_distr_l, <- sum_scal_l, Rmult_1_r. f_equal. apply sum_ext.
    intros j _. destruct (Nat.eq_dec j k); [ring|].
    unfold Rbar_minus. simpl Rbar_opp. rewrite exp_of_plus.
    rewrite <- Rmult_assoc, <- exp_plus, Rplus_opp_r, exp_0. ring. }
  repeat split.
  - unfold loss, masked_softmax. rewrite Hx, Hsum. simpl exp_of.
    rewrite surprise_pos.
    + f_equal. rewrite ln_div, ln_exp, ln_mult, ln_exp; [lra|..];
        try apply exp_pos; try (apply Rmult_lt_0_compat; [apply exp_pos|lra]); lra.
    + apply Rdiv_lt_0_compat; [apply exp_pos|apply Rmult_lt_0_compat; [apply exp_pos|lra]].
  - specialize (Hmax w Hw). rewrite Hx in Hmax. simpl in Hmax. lra.
  - rewrite <- ln_1. destruct Hrest as [H|H]; [left; apply ln_increasing; lra|].
    rewrite <- H, Rplus_0_r. lra.
  - intros j Hj. specialize (Hmax j Hj). unfold Rbar_minus.
    destruct (z j) as [y| |]; simpl in *; try lra.
    rewrite <- exp_0. destruct Hmax as [H|H]; [left; apply exp_increasing; lra|].
    right. f_equal. lra.
Qed.

(** * The worked examples *)

(* box: ex-ladra
   Covers: both losses, to the three decimals shown, and the ratio, to the one shown.
   Hypotheses: none.
   Cobre: as duas perdas, com as três casas mostradas, e a razão, com a casa mostrada.
   Hipóteses: nenhuma.
   Mutation: `615 / 100` becomes `624 / 100`. *)
Theorem o_cao_ladra :
  2225 / 10000 < - ln (80 / 100) < 2235 / 10000 /\
  13855 / 10000 < - ln (25 / 100) < 13865 / 10000 /\
  615 / 100 < - ln (25 / 100) / - ln (80 / 100) < 625 / 100.
Proof.
  assert (L2 := ln_2_bounds). assert (B9 := ln_ratio_bounds (1 / 9)).
  replace (ln (1 + 1 / 9) - ln (1 - 1 / 9)) with (ln (5 / 4)) in B9 by
    (rewrite <- ln_div by lra; f_equal; field).
  replace (ln (80 / 100)) with (- ln (5 / 4)) by (rewrite <- ln_Rinv by lra; f_equal; field).
  replace (ln (25 / 100)) with (- ln 2 - ln 2).
  2:{ unfold Rminus. rewrite <- ln_Rinv, <- ln_mult by lra. f_equal. field. }
  split; [lra|split; [lra|]].
  replace (- (- ln 2 - ln 2) / - - ln (5 / 4)) with ((ln 2 + ln 2) / ln (5 / 4)) by (field; lra).
  assert (E : (ln 2 + ln 2) / ln (5 / 4) * ln (5 / 4) = ln 2 + ln 2) by (field; lra).
  split; apply Rmult_lt_reg_r with (ln (5 / 4)); rewrite ?E; lra.
Qed.

(* box: cex-exaggeration
   Covers: under $1 - q[w]$, the whole statement; under $-\log q[w]$, that the honest prediction
     pays less than any other, and $(1, 0)$ infinitely much.
   Hypotheses: q is a distribution over two words. The number 0.673 is not covered.
   Cobre: com $1 - q[w]$, o enunciado inteiro; com $-\log q[w]$, que a previsão honesta paga
     menos que qualquer outra, e $(1, 0)$, infinitamente mais.
   Hipóteses: q é uma distribuição sobre duas palavras. O número 0,673 não é coberto.
   Mutation: `40 / 100 < cost q` becomes `48 / 100 < cost q`. *)
Theorem exaggeration :
  let p i := match i with O => 6 / 10 | _ => 4 / 10 end in
  let cost q := Σ i < 2, p i * (1 - q i) in
  (forall q, distribution 2 q -> cost q = 1 - Σ i < 2, p i * q i) /\
  cost p = 48 / 100 /\ cost (one_hot 0) = 40 / 100 /\
  (forall q, distribution 2 q -> ~ same 2 q (one_hot 0) -> 40 / 100 < cost q) /\
  cross_entropy 2 p (one_hot 0) = p_infty /\
  (forall q, distribution 2 q -> ~ same 2 q p ->
     Rbar_lt (cross_entropy 2 p p) (cross_entropy 2 p q)).
Proof.
  intros p cost. unfold cost. simpl sum. unfold p.
  split; [intros q [_ S]; simpl in S; lra|].
  split; [lra|]. split; [unfold one_hot; simpl; lra|]. split; [|split].
  - intros q [Hq S] Hne. simpl in S. assert (H1 := Hq 1%nat ltac:(lia)).
    destruct H1 as [H1|H1]; [lra|]. exfalso. apply Hne. intros i Hi. unfold one_hot.
    destruct i as [|[|i]]; simpl; [lra|lra|lia].
  - unfold cross_entropy. simpl Rbar_sum. rewrite one_hot_same, (one_hot_other 0 1) by lia.
    rewrite surprise_zero, Rbar_mult_infinity, weighted_surprise by lra. reflexivity.
  - intros q [Hq S] Hne. simpl in S. unfold cross_entropy. simpl Rbar_sum.
    assert (H0 := Hq O ltac:(lia)). assert (H1 := Hq 1%nat ltac:(lia)).
    rewrite !(weighted_surprise _ (6 / 10)), !(weighted_surprise _ (4 / 10)) by lra.
    destruct H0 as [H0|H0]; [destruct H1 as [H1|H1]|].
    + rewrite !weighted_surprise by lra. simpl.
      assert (D : q O <> 6 / 10).
      { intros E. apply Hne. intros i Hi. destruct i as [|[|i]]; [lra|lra|lia]. }
      assert (A := ln_lt_tangent (q O / (6 / 10))). assert (B := ln_le_tangent (q 1%nat / (4 / 10))).
      rewrite ln_div in A, B by lra.
      assert (ln (q O) - ln (6 / 10) < q O / (6 / 10) - 1)
        by (apply A; [apply Rdiv_lt_0_compat; lra|lra]).
      assert (ln (q 1%nat) - ln (4 / 10) <= q 1%nat / (4 / 10) - 1)
        by (apply B, Rdiv_lt_0_compat; lra).
      lra.
    + rewrite <- H1, surprise_zero, Rbar_mult_infinity, weighted_surprise by lra. exact I.
    + rewrite <- H0, surprise_zero, Rbar_mult_infinity, weighted_surprise by lra. exact I.
Qed.
