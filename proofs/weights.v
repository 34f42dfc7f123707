(** Chapter 4. The effect of the predicted distribution, and the role of the weights. *)

From NWP Require Import definitions equivalence convexity sums.

(** * A guess and its loss *)

(* box: prop-guess, the bounds
   Covers: both bounds, also where the right word has probability 0.
   Hypotheses: a distribution on at least two words.
   Cobre: os dois limites, também onde a palavra correta tem probabilidade 0.
   Hipóteses: uma distribuição sobre pelo menos duas palavras.
   Mutation: `v <> w /\ y w <= y v` becomes `v <> w /\ y v <= y w`. *)
Theorem guess V y w : distribution V y -> (2 <= V)%nat -> (w < V)%nat ->
  ((forall j, (j < V)%nat -> y j <= y w) -> Rbar_le (loss y w) (ln (INR V))) /\
  ((exists v, (v < V)%nat /\ v <> w /\ y w <= y v) -> Rbar_le (ln 2) (loss y w)).
Proof.
  intros HD HV Hw. assert (HS := distribution_sum V y HD). unfold loss, surprise.
  assert (HN : 0 < INR V) by (apply lt_0_INR; lia). split.
  - (* V probabilities of at most y w sum to 1. *)
    intros Hmax. assert (H : 1 <= INR V * y w).
    { rewrite <- HS, <- sum_const. apply sum_le. auto. }
    destruct (Rlt_dec 0 (y w)) as [Hp|Hp]; [|nra].
    simpl. rewrite <- ln_Rinv by auto. apply ln_le; [apply Rinv_0_lt_compat; auto|].
    apply (Rmult_le_reg_r (y w)); [auto|]. rewrite Rinv_l; lra.
  - (* Two words together have at most 1. *)
    intros [v [Hv [Hvw Hle]]]. destruct (Rlt_dec 0 (y w)) as [Hp|Hp]; [|exact I].
    assert (H : y w + y v <= 1).
    { rewrite <- HS, (sum_others V w y) by auto. apply Rplus_le_compat_l.
      replace (y v) with (if Nat.eq_dec v w then 0 else y v)
        by (destruct (Nat.eq_dec v w); [contradiction|auto]).
      apply (one_term_le V v (fun i => if Nat.eq_dec i w then 0 else y i)); auto.
      intros i Hi. destruct (Nat.eq_dec i w); [lra|apply HD; auto]. }
    simpl. rewrite <- ln_Rinv by auto. apply ln_le; [lra|].
    apply (Rmult_le_reg_r (y w)); [auto|]. rewrite Rinv_l; lra.
Qed.

(* box: prop-guess, reached
   Covers: that both bounds are reached.
   Hypotheses: at least two words.
   Cobre: que os dois limites são atingidos.
   Hipóteses: pelo menos duas palavras.
   Mutation: `loss y w = ln 2` becomes `loss y w = ln 1`. *)
Theorem guess_reached V w : (2 <= V)%nat -> (w < V)%nat ->
  (exists y, distribution V y /\ (forall j, (j < V)%nat -> y j <= y w) /\
    loss y w = ln (INR V)) /\
  (exists y v, distribution V y /\ (v < V)%nat /\ v <> w /\ y w <= y v /\ loss y w = ln 2).
Proof.
  intros HV Hw. assert (HN : 0 < INR V) by (apply lt_0_INR; lia). split.
  - exists (fun _ => / INR V). repeat split.
    + intros. left. apply Rinv_0_lt_compat. auto.
    + rewrite sum_const. apply Rinv_r. lra.
    + intros. lra.
    + unfold loss. rewrite surprise_pos by (apply Rinv_0_lt_compat; auto).
      rewrite ln_Rinv by auto. f_equal. lra.
  - destruct (another_word V w HV) as [v [Hv Hvw]].
    exists (fun i => (one_hot w i + one_hot v i) * / 2), v. repeat split; auto.
    + intros i _. unfold one_hot. destruct (Nat.eq_dec i w), (Nat.eq_dec i v); lra.
    + rewrite sum_scal_r, sum_plus.
      rewrite (distribution_sum V _ (one_hot_distribution V w Hw)).
      rewrite (distribution_sum V _ (one_hot_distribution V v Hv)). lra.
    + rewrite !one_hot_same, !one_hot_other by auto. lra.
    + unfold loss. rewrite one_hot_same, one_hot_other, Rplus_0_r, Rmult_1_l by auto.
      rewrite surprise_pos, ln_Rinv by lra. f_equal. lra.
Qed.

(** * Steps on the logits of one example *)

(** The step z' = z - η (ŷ - y). *)
Definition stepped (V : nat) (eta : R) (w : nat) (z : vector) : vector :=
  fun i => z i - eta * (softmax V z i - one_hot w i).

(* box: prop-step-right, the factor
   Covers: the exact factor of the odds against each wrong word.
   Hypotheses: finite logits of one example; any rate.
   Cobre: o fator exato da chance contra cada palavra incorreta.
   Hipóteses: logits finitos de um só exemplo; uma taxa qualquer.
   Mutation: `(1 - y w + y j)` becomes `(1 - y w - y j)`. *)
Theorem step_right_factor V z w eta j : (w < V)%nat -> (j < V)%nat -> j <> w ->
  let y := softmax V z in
  let y' := softmax V (stepped V eta w z) in
  y' w / y' j = y w / y j * exp (eta * (1 - y w + y j)).
Proof.
  intros Hw Hj Hjw y y'. unfold y, y'. rewrite !softmax_odds by lia.
  rewrite <- exp_plus. f_equal. unfold stepped.
  rewrite one_hot_same, one_hot_other by auto. lra.
Qed.

(* box: prop-step-right, the odds
   Covers: that the odds of the right word grow by more than the stated factor.
   Hypotheses: finite logits of at least two words; the rate is positive.
   Cobre: que a chance da palavra correta cresce mais que o fator dado.
   Hipóteses: logits finitos de pelo menos duas palavras; a taxa é positiva.
   Mutation: `exp (eta * (1 - y w)) <` becomes `exp (eta * (1 + y w)) <`. *)
Theorem step_right_odds V z w eta : (2 <= V)%nat -> (w < V)%nat -> 0 < eta ->
  let y := softmax V z in
  let y' := softmax V (stepped V eta w z) in
  y w / (1 - y w) * exp (eta * (1 - y w)) < y' w / (1 - y' w).
Proof.
  intros HV Hw He y y'.
  assert (Hy : forall i, 0 < y i) by (intros; apply softmax_pos; lia).
  assert (Hy' : forall i, 0 < y' i) by (intros; apply softmax_pos; lia).
  assert (H1 : y w < 1) by (apply softmax_lt_1; auto).
  assert (H1' : y' w < 1) by (apply softmax_lt_1; auto).
  set (c := exp (eta * (1 - y w))). assert (Hc : 0 < c) by apply exp_pos.
  (* Every wrong word loses more than the factor c against the right one. *)
  assert (H : c * others V w y' * y w < others V w y * y' w).
  { replace (c * others V w y' * y w) with (c * y w * others V w y') by ring.
    rewrite (Rmult_comm _ (y' w)), <- !others_scal.
    apply others_lt; [|apply another_word; auto]. intros j Hj Hjw.
    assert (F := step_right_factor V z w eta j Hw Hj Hjw). cbv zeta in F. fold y y' in F.
    replace (eta * (1 - y w + y j)) with (eta * (1 - y w) + eta * y j) in F by ring.
    rewrite exp_plus in F. fold c in F.
    assert (E : 1 < exp (eta * y j)).
    { apply exp_gt_1, Rmult_lt_0_compat; auto. }
    apply (Rmult_eq_compat_r (y' j * y j)) in F.
    replace (y' w / y' j * (y' j * y j)) with (y j * y' w) in F
      by (field; apply Rgt_not_eq, Hy').
    replace (y w / y j * (c * exp (eta * y j)) * (y' j * y j))
      with (c * (y w * y' j) * exp (eta * y j)) in F by (field; apply Rgt_not_eq, Hy).
    assert (0 < c * (y w * y' j))
      by (apply Rmult_lt_0_compat; [auto|apply Rmult_lt_0_compat; auto]). nra. }
  rewrite !others_complement in H by (auto; apply softmax_distribution; lia).
  apply (Rmult_lt_reg_r ((1 - y w) * (1 - y' w))); [apply Rmult_lt_0_compat; lra|].
  replace (y w / (1 - y w) * c * ((1 - y w) * (1 - y' w))) with (c * (1 - y' w) * y w)
    by (field; lra).
  replace (y' w / (1 - y' w) * ((1 - y w) * (1 - y' w))) with ((1 - y w) * y' w)
    by (field; lra). lra.
Qed.

(* box: prop-step-right, the right word rises
   Covers: that the right word rises, the wrong words together fall, and the loss becomes
     strictly smaller, at every rate.
   Hypotheses: finite logits of at least two words; the rate is positive.
   Cobre: que a palavra correta sobe, as incorretas juntas caem e a perda fica estritamente
     menor, com qualquer taxa.
   Hipóteses: logits finitos de pelo menos duas palavras; a taxa é positiva.
   Mutation: `0 < eta` becomes `eta < 0`. *)
Theorem step_right V z w eta : (2 <= V)%nat -> (w < V)%nat -> 0 < eta ->
  let y := softmax V z in
  let y' := softmax V (stepped V eta w z) in
  y w < y' w /\ others V w y' < others V w y /\
  logits_loss V (stepped V eta w z) w < logits_loss V z w.
Proof.
  intros HV Hw He y y'.
  assert (Hy : 0 < y w) by (apply softmax_pos; lia).
  assert (H1 : y w < 1) by (apply softmax_lt_1; auto).
  assert (H1' : y' w < 1) by (apply softmax_lt_1; auto).
  assert (E : 1 < exp (eta * (1 - y w))).
  { apply exp_gt_1, Rmult_lt_0_compat; lra. }
  assert (O := step_right_odds V z w eta HV Hw He). cbv zeta in O. fold y y' in O.
  (* Odds that grow mean a probability that grows. *)
  assert (R : y w < y' w).
  { assert (P : y w / (1 - y w) < y' w / (1 - y' w)).
    { apply Rle_lt_trans with (2 := O). rewrite <- Rmult_1_r at 1.
      apply Rmult_le_compat_l; [|lra]. left. apply Rdiv_lt_0_compat; lra. }
    apply (Rmult_lt_compat_r ((1 - y w) * (1 - y' w))) in P; [|apply Rmult_lt_0_compat; lra].
    replace (y w / (1 - y w) * ((1 - y w) * (1 - y' w))) with (y w * (1 - y' w)) in P
      by (field; lra).
    replace (y' w / (1 - y' w) * ((1 - y w) * (1 - y' w))) with (y' w * (1 - y w)) in P
      by (field; lra). lra. }
  split; [exact R|split].
  - rewrite !others_complement by (auto; apply softmax_distribution; lia). lra.
  - rewrite !logits_loss_softmax by lia. apply Ropp_lt_contravar, ln_increasing; auto.
Qed.

(** ** Which wrong words fall *)

Section Wrong.

Context (V : nat) (z : vector) (w i : nat).
Context (Hw : (w < V)%nat) (Hi : (i < V)%nat) (Hiw : i <> w).

Let y := softmax V z.
Let s := Σ k < V, (y k * y k).

(** What the step does to each logit. *)
Let d : vector := fun k => one_hot w k - y k.

(** The word i falls exactly where this is positive. *)
Let f (eta : R) : R := ln (mean_exp V y (fun k => eta * d k)) + eta * y i.

Let HV : (0 < V)%nat. Proof. lia. Qed.
Let HD : distribution V y. Proof. apply softmax_distribution, HV. Qed.
Let Hpos : positive V y. Proof. intros k _. apply softmax_pos, HV. Qed.

Let after eta := softmax V (stepped V eta w z) i.

Let after_f eta : ln (after eta) = ln (y i) - f eta.
Proof.
  unfold after, f, y. rewrite !ln_softmax by exact HV.
  replace (log_sum_exp V (stepped V eta w z))
    with (log_sum_exp V (fun k => z k + eta * d k)).
  2: { unfold log_sum_exp. f_equal. apply sum_ext. intros k _. f_equal.
       unfold stepped, d, y. lra. }
  rewrite log_sum_exp_moved by exact HV. unfold stepped. rewrite one_hot_other by auto.
  fold y. lra.
Qed.

Let falls eta : 0 < f eta -> after eta < y i.
Proof.
  intros H. apply ln_lt_inv; [apply softmax_pos, HV|apply Hpos; auto|].
  rewrite after_f. lra.
Qed.

Let rises eta : f eta < 0 -> y i < after eta.
Proof.
  intros H. apply ln_lt_inv; [apply Hpos; auto|apply softmax_pos, HV|].
  rewrite after_f. lra.
Qed.

Let stays eta : f eta = 0 -> after eta = y i.
Proof.
  intros H. apply ln_inv; [apply softmax_pos, HV|apply Hpos; auto|].
  rewrite after_f. lra.
Qed.

Let f_0 : f 0 = 0.
Proof.
  unfold f, mean_exp. rewrite (sum_ext V _ y).
  - rewrite (distribution_sum V y HD), ln_1. lra.
  - intros k _. rewrite Rmult_0_l, exp_0. lra.
Qed.

(** The logits do not all move alike: the right one up, the wrong one down. *)
Let d_varies eta : eta <> 0 -> varies V (fun k => eta * d k).
Proof.
  intros H. exists w, i. repeat split; auto. unfold d.
  rewrite one_hot_same, one_hot_other by auto.
  assert (0 < y i) by (apply Hpos; auto).
  assert (y w < 1) by (apply softmax_lt_1; auto; lia).
  intros E. apply Rmult_eq_reg_l in E; auto. lra.
Qed.

Let mean_d : dot V y d = y w - s.
Proof.
  unfold dot, s. rewrite <- (sum_one_hot V w y Hw), <- sum_minus.
  apply sum_ext. intros. unfold d. lra.
Qed.

(** f lies above its tangent at 0. *)
Let f_tangent eta : eta <> 0 -> eta * (y w + y i - s) < f eta.
Proof.
  intros H. assert (J := mean_exp_gt V y (fun k => eta * d k) HD Hpos (d_varies eta H)).
  assert (E : dot V y (fun k => eta * d k) = eta * dot V y d).
  { unfold dot. rewrite <- sum_scal_l. apply sum_ext. intros. lra. }
  rewrite E, mean_d in J. unfold f. lra.
Qed.

(** f is strictly convex along a line from 0. *)
Let f_convex a b : 0 < a < b -> f a < a / b * f b.
Proof.
  intros H. assert (Hs : 0 < a / b < 1).
  { split; [apply Rdiv_lt_0_compat; lra|].
    apply (Rmult_lt_reg_r b); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra. }
  assert (J := mean_exp_power V y (fun k => b * d k) (a / b) HD Hpos (d_varies b ltac:(lra)) Hs).
  assert (E : mean_exp V y (fun k => a / b * (b * d k)) = mean_exp V y (fun k => a * d k)).
  { apply sum_ext. intros. do 2 f_equal. field. lra. }
  cbv beta in J. rewrite E in J. unfold f. replace (a * y i) with (a / b * (b * y i)) by (field; lra). lra.
Qed.

Let f_derive eta : ex_derive f eta.
Proof.
  eexists. unfold f. apply (is_derive_plus (fun e => ln (mean_exp V y (fun k => e * d k)))).
  - apply (is_derive_comp ln (fun e => mean_exp V y (fun k => e * d k))).
    + apply is_derive_ln, mean_exp_pos; [exact HV|exact Hpos].
    + unfold mean_exp. apply (is_derive_sum V (fun k e => y k * exp (e * d k))).
      intros k _. auto_derive; [auto|reflexivity].
  - auto_derive; [auto|reflexivity].
Qed.

Let f_derive_0 : is_derive f 0 (y w + y i - s).
Proof.
  unfold f. evar_last.
  - apply (is_derive_plus (fun e => ln (mean_exp V y (fun k => e * d k)))).
    + apply (is_derive_comp ln (fun e => mean_exp V y (fun k => e * d k))).
      * apply is_derive_ln, mean_exp_pos; [exact HV|exact Hpos].
      * unfold mean_exp. apply (is_derive_sum V (fun k e => y k * exp (e * d k)) 0
          (fun k => y k * d k)).
        intros k _. auto_derive; [auto|]. rewrite Rmult_0_l, exp_0. lra.
    + apply (is_derive_mult (fun e => e) (fun _ => y i));
      [apply is_derive_id|apply is_derive_const|intros; apply Rmult_comm].
  - assert (M : mean_exp V y (fun k => 0 * d k) = 1).
    { unfold mean_exp. rewrite (sum_ext V _ y), (distribution_sum V y HD); auto.
      intros k _. rewrite Rmult_0_l, exp_0. lra. }
    rewrite M. fold (dot V y d). rewrite mean_d.
    unfold plus, scal, one, zero; simpl; unfold mult; simpl. field.
Qed.

(** The bound on the rate: there f is positive. *)
Let bound := - ln (y w) / (1 - y w + y i).

Let f_bound : 0 < f bound.
Proof.
  assert (Hyw : 0 < y w) by (apply Hpos; auto).
  assert (Hyi : 0 < y i) by (apply Hpos; auto).
  assert (H1 : y w < 1) by (apply softmax_lt_1; auto; lia).
  assert (E : bound * (1 - y w + y i) = - ln (y w)) by (unfold bound; field; lra).
  (* Keep only the term of w. *)
  assert (K : y w * exp (bound * d w) < mean_exp V y (fun k => bound * d k)).
  { unfold mean_exp. rewrite (sum_others V w) by auto. simpl.
    enough (0 < others V w (fun k => y k * exp (bound * d k))) by lra.
    apply others_pos; [|exists i; auto].
    intros. apply Rmult_lt_0_compat; [auto|apply exp_pos]. }
  apply ln_increasing in K; [|apply Rmult_lt_0_compat; [auto|apply exp_pos]].
  rewrite ln_mult, ln_exp in K by (auto; apply exp_pos).
  unfold f, d in *. rewrite one_hot_same in K. lra.
Qed.

Let bound_pos : 0 < bound.
Proof.
  assert (Hyi : 0 < y i) by (apply Hpos; auto).
  assert (H1 : y w < 1) by (apply softmax_lt_1; auto; lia).
  unfold bound. apply Rdiv_lt_0_compat; [|lra].
  assert (ln (y w) < 0); [|lra]. rewrite <- ln_1. apply ln_increasing; auto.
Qed.

(** Part 1. *)
Lemma wrong_falls : s <= y w + y i -> forall eta, 0 < eta -> after eta < y i.
Proof.
  intros H eta He. apply falls.
  assert (T := f_tangent eta ltac:(lra)). nra.
Qed.

(** Part 2. *)
Lemma wrong_rises_first : y w + y i < s ->
  exists! r, 0 < r /\ after r = y i /\ (forall eta, 0 < eta < r -> y i < after eta) /\
    (forall eta, r < eta -> after eta < y i) /\ r < - ln (y w) / (1 - y w + y i).
Proof.
  intros H. fold bound.
  destruct (starts_falling f _ bound f_derive_0 ltac:(lra) bound_pos) as [a [Ha Hfa]].
  rewrite f_0 in Hfa.
  destruct (IVT f a bound) as [r [Hr Hfr]]; [|lra|auto|apply f_bound|].
  { intros x. apply derivable_continuous_pt, ex_derive_Reals_0, f_derive. }
  assert (Hrb : r <> bound) by (intros E; assert (B := f_bound); rewrite <- E in B; lra).
  exists r. split.
  - repeat split; [lra|apply stays; auto| | |lra].
    + intros eta Heta. apply rises. assert (C := f_convex eta r Heta). rewrite Hfr in C. lra.
    + intros eta Heta. apply falls. assert (C := f_convex r eta ltac:(lra)). rewrite Hfr in C.
      assert (0 < r / eta) by (apply Rdiv_lt_0_compat; lra). nra.
  - intros r' [Hr' [_ [Hbefore [Hafter _]]]].
    assert (S := stays r Hfr).
    destruct (Rtotal_order r r') as [L|[E|G]]; auto.
    + specialize (Hbefore r ltac:(lra)). lra.
    + specialize (Hafter r ltac:(lra)). lra.
Qed.

Lemma most_probable_wrong_falls :
  (forall k, (k < V)%nat -> k <> w -> y k <= y i) -> forall eta, 0 < eta -> after eta < y i.
Proof.
  intros Hmax. apply wrong_falls. unfold s.
  rewrite (sum_others V w (fun k => y k * y k)) by auto.
  assert (Hyi : 0 < y i) by (apply Hpos; auto).
  assert (Hyw : 0 < y w) by (apply Hpos; auto).
  assert (H1 : y w < 1) by (apply softmax_lt_1; auto; lia).
  assert (B : others V w (fun k => y k * y k) <= y i * others V w y).
  { rewrite <- others_scal. apply sum_le. intros k Hk.
    destruct (Nat.eq_dec k w); [lra|]. apply Rmult_le_compat_r; auto. left. auto. }
  rewrite (others_complement V y w HD Hw) in B. nra.
Qed.

Lemma all_wrong_fall :
  (forall k, (k < V)%nat -> y k <= y w) -> forall eta, 0 < eta -> after eta < y i.
Proof.
  intros Hmax. apply wrong_falls. unfold s.
  assert (Hyi : 0 < y i) by (apply Hpos; auto).
  assert (B : Σ k < V, (y k * y k) <= y w * sum V y).
  { rewrite <- sum_scal_l. apply sum_le. intros k Hk.
    apply Rmult_le_compat_r; auto. left. auto. }
  rewrite (distribution_sum V y HD) in B. lra.
Qed.

End Wrong.

(* box: prop-step-wrong, both cases
   Covers: both cases, with the one rate of case 2 and its bound.
   Hypotheses: finite logits; i is a wrong word.
   Cobre: os dois casos, com a taxa única do caso 2 e o seu limite.
   Hipóteses: logits finitos; i é uma palavra incorreta.
   Mutation: `(s <= y w + y i ->` becomes `(s <= 2 * (y w + y i) ->`. *)
Theorem step_wrong V z w i : (w < V)%nat -> (i < V)%nat -> i <> w ->
  let y := softmax V z in
  let s := Σ k < V, (y k * y k) in
  let after eta := softmax V (stepped V eta w z) i in
  (s <= y w + y i -> forall eta, 0 < eta -> after eta < y i) /\
  (y w + y i < s ->
    exists! r, 0 < r /\ after r = y i /\ (forall eta, 0 < eta < r -> y i < after eta) /\
      (forall eta, r < eta -> after eta < y i) /\ r < - ln (y w) / (1 - y w + y i)).
Proof.
  intros Hw Hi Hiw. split; [apply wrong_falls|apply wrong_rises_first]; auto.
Qed.

(* box: prop-step-wrong, in particular
   Covers: the two consequences at the end.
   Hypotheses: finite logits; i is a wrong word; the rate is positive.
   Cobre: as duas consequências do final.
   Hipóteses: logits finitos; i é uma palavra incorreta; a taxa é positiva.
   Mutation: `k <> w -> y k <= y i` becomes `k <> w -> y i <= y k`. *)
Theorem step_wrong_in_particular V z w i eta :
  (w < V)%nat -> (i < V)%nat -> i <> w -> 0 < eta ->
  let y := softmax V z in
  let after := softmax V (stepped V eta w z) i in
  ((forall k, (k < V)%nat -> k <> w -> y k <= y i) -> after < y i) /\
  ((forall k, (k < V)%nat -> y k <= y w) -> after < y i).
Proof.
  intros Hw Hi Hiw He. split; intros H;
  [apply most_probable_wrong_falls|apply all_wrong_fall]; auto.
Qed.

(** * The gradient at every node *)

(** The logits of the model z = U E[x]: U has a row for each word, E one for each context. *)
Definition linear_logits (D : nat) (U : matrix) (h : vector) : vector := fun v => dot D (U v) h.

(** The mean loss of the model on the examples (x n, w n). *)
Definition model_loss (N V D : nat) (x w : nat -> nat) (U E : matrix) : R :=
  logits_mean_loss N V w (fun n => linear_logits D U (E (x n))).

(* box: prop-backprop, row 1
   Covers: the row of the loss.
   Hypotheses: the n-th of N losses.
   Cobre: a linha da perda.
   Hipóteses: a n-ésima de N perdas.
   Mutation: `(1 / INR N)` becomes `(- 1 / INR N)`. *)
Theorem backprop_loss N (L : vector) n : (n < N)%nat ->
  is_partial (fun L => (Σ k < N, L k) / INR N) L n (1 / INR N).
Proof.
  intros Hn. unfold is_partial. evar_last.
  - apply is_derive_quotient.
    apply (is_derive_sum N (fun k t => replaced L n t k)). intros. apply is_derive_replaced_at.
  - rewrite <- (distribution_sum N _ (one_hot_distribution N n Hn)). reflexivity.
Qed.

(* box: prop-backprop, row 2
   Covers: the row of the probabilities.
   Hypotheses: the right words have positive probabilities; every entry is a free variable.
   Cobre: a linha das probabilidades.
   Hipóteses: as palavras corretas têm probabilidades positivas; cada entrada é uma variável
     livre.
   Mutation: `(- one_hot (w n) i / (` becomes `(one_hot (w n) i / (`. *)
Theorem backprop_probabilities N (w : nat -> nat) (Y : matrix) n i : (n < N)%nat ->
  (forall k, (k < N)%nat -> 0 < Y k (w k)) ->
  is_partial2 (fun Y => (Σ k < N, (- ln (Y k (w k)))) / INR N) Y n i
    (- one_hot (w n) i / (INR N * Y n (w n))).
Proof.
  intros Hn HY. unfold is_partial2. evar_last.
  - apply is_derive_quotient.
    apply (is_derive_sum N (fun k t => - ln (replaced2 Y n i t k (w k)))). intros k Hk.
    apply (is_derive_opp (fun t => ln (replaced2 Y n i t k (w k)))).
    apply (is_derive_comp ln (fun t => replaced2 Y n i t k (w k))).
    + apply is_derive_ln. rewrite replaced2_same. auto.
    + apply is_derive_replaced2.
  - rewrite (sum_ext N _ (fun k => one_hot n k * (- one_hot i (w k) / Y k (w k)))).
    + rewrite sum_one_hot by auto. unfold scal; simpl; unfold mult; simpl.
      replace (one_hot i (w n)) with (one_hot (w n) i)
        by (unfold one_hot; destruct (Nat.eq_dec i (w n)), (Nat.eq_dec (w n) i); congruence).
      specialize (HY n Hn). assert (0 < INR N) by (apply lt_0_INR; lia). field. lra.
    + intros k Hk. rewrite replaced2_same. unfold opp, scal; simpl; unfold mult; simpl.
      unfold Rdiv. ring.
Qed.

(* box: prop-backprop, row 3
   Covers: the row of the logits.
   Hypotheses: finite logits; the right words are in the vocabulary.
   Cobre: a linha dos logits.
   Hipóteses: logits finitos; as palavras corretas estão no vocabulário.
   Mutation: `v - one_hot (w n) v` becomes `v + one_hot (w n) v`. *)
Theorem backprop_logits N V (w : nat -> nat) (Z : matrix) n v :
  (n < N)%nat -> (v < V)%nat -> (forall k, (k < N)%nat -> (w k < V)%nat) ->
  is_partial2 (logits_mean_loss N V w) Z n v ((softmax V (Z n) v - one_hot (w n) v) / INR N).
Proof.
  intros Hn Hv Hw. unfold is_partial2. evar_last.
  - apply is_derive_logits_mean_loss; auto. intros. apply is_derive_replaced2.
  - unfold dot2, dot.
    rewrite (sum_ext N _ (fun k => one_hot n k * mean_error N V w Z k v)).
    + rewrite sum_one_hot by auto. reflexivity.
    + intros k _. rewrite <- (sum_one_hot V v (mean_error N V w Z k)) by auto. rewrite <- sum_scal_l.
      apply sum_ext. intros u Hu. rewrite (mean_error_ext N V w _ Z) by
        (auto; intros j _; apply replaced2_same). ring.
Qed.

(* box: prop-backprop, row 4
   Covers: the row of the hidden vectors.
   Hypotheses: the logits are $U h$.
   Cobre: a linha dos estados ocultos.
   Hipóteses: os logits são $U h$.
   Mutation: `(U v d * G n v)` becomes `(U v d * - G n v)`. *)
Theorem backprop_hidden N V D (w : nat -> nat) (U H : matrix) n d :
  (n < N)%nat -> (d < D)%nat -> (forall k, (k < N)%nat -> (w k < V)%nat) ->
  let G := mean_error N V w (fun n => linear_logits D U (H n)) in
  is_partial2 (fun H => logits_mean_loss N V w (fun n => linear_logits D U (H n))) H n d
    (Σ v < V, (U v d * G n v)).
Proof.
  intros Hn Hd Hw G. unfold is_partial2. evar_last.
  - apply (is_derive_logits_mean_loss N V w (fun t k => linear_logits D U (replaced2 H n d t k)) _
      (fun k v => one_hot n k * U v d)); auto.
    intros k v _ _. evar_last.
    + apply (is_derive_dot D (fun _ => U v) (fun t => replaced2 H n d t k) _ (fun _ => 0)).
      * intros. apply @is_derive_const.
      * intros. apply is_derive_replaced2.
    + unfold dot. rewrite sum_zero, Rplus_0_l by (intros; lra).
      rewrite <- (sum_one_hot D d (U v)) by auto. rewrite <- sum_scal_l.
      apply sum_ext. intros. ring.
  - unfold dot2, dot. rewrite (sum_ext N _ (fun k => one_hot n k * Σ v < V, (U v d * G k v))).
    + apply sum_one_hot; auto.
    + intros k _. rewrite <- sum_scal_l. apply sum_ext. intros v Hv. unfold G.
      rewrite (mean_error_ext N V w _ (fun n => linear_logits D U (H n))); [ring|auto|].
      intros u _. apply sum_ext. intros. rewrite replaced2_same. reflexivity.
Qed.

(* box: prop-backprop, row 5
   Covers: the row of the weights $U$.
   Hypotheses: the logits are $U h$.
   Cobre: a linha dos pesos $U$.
   Hipóteses: os logits são $U h$.
   Mutation: `(G n v * H n d)` becomes `(G n v * - H n d)`. *)
Theorem backprop_output_weights N V D (w : nat -> nat) (U H : matrix) v d :
  (v < V)%nat -> (d < D)%nat -> (forall k, (k < N)%nat -> (w k < V)%nat) ->
  let G := mean_error N V w (fun n => linear_logits D U (H n)) in
  is_partial2 (fun U => logits_mean_loss N V w (fun n => linear_logits D U (H n))) U v d
    (Σ n < N, (G n v * H n d)).
Proof.
  intros Hv Hd Hw G. unfold is_partial2. evar_last.
  - apply (is_derive_logits_mean_loss N V w (fun t k => linear_logits D (replaced2 U v d t) (H k)) _
      (fun k u => one_hot v u * H k d)); auto.
    intros k u _ _. evar_last.
    + apply (is_derive_dot D (fun t => replaced2 U v d t u) (fun _ => H k) _
        (fun j => one_hot v u * one_hot d j) (fun _ => 0)).
      * intros. apply is_derive_replaced2.
      * intros. apply @is_derive_const.
    + unfold dot. rewrite (sum_zero D (fun i => _ * 0)), Rplus_0_r by (intros; lra).
      rewrite <- (sum_one_hot D d (H k)) by auto. rewrite <- sum_scal_l.
      apply sum_ext. intros. ring.
  - apply sum_ext. intros n _. unfold dot.
    rewrite <- (sum_one_hot V v (fun u => G n u * H n d)) by auto. apply sum_ext. intros u Hu.
    unfold G. rewrite (mean_error_ext N V w _ (fun n => linear_logits D U (H n))); [ring|auto|].
    intros j _. apply sum_ext. intros. rewrite replaced2_same. reflexivity.
Qed.

(* box: prop-backprop, row 6
   Covers: the row of the weights $E$.
   Hypotheses: the logits are $U E[x]$.
   Cobre: a linha dos pesos $E$.
   Hipóteses: os logits são $U E[x]$.
   Mutation: `(x n) c then` becomes `(x n) d then`. *)
Theorem backprop_embeddings N V D (x w : nat -> nat) (U E : matrix) c d :
  (d < D)%nat -> (forall k, (k < N)%nat -> (w k < V)%nat) ->
  let G := mean_error N V w (fun n => linear_logits D U (E (x n))) in
  is_partial2 (fun E => model_loss N V D x w U E) E c d
    (Σ n < N, (if Nat.eq_dec (x n) c then Σ v < V, (U v d * G n v) else 0)).
Proof.
  intros Hd Hw G. unfold is_partial2, model_loss. evar_last.
  - apply (is_derive_logits_mean_loss N V w (fun t k => linear_logits D U (replaced2 E c d t (x k))) _
      (fun k v => one_hot c (x k) * U v d)); auto.
    intros k v _ _. evar_last.
    + apply (is_derive_dot D (fun _ => U v) (fun t => replaced2 E c d t (x k)) _ (fun _ => 0)).
      * intros. apply @is_derive_const.
      * intros. apply is_derive_replaced2.
    + unfold dot. rewrite sum_zero, Rplus_0_l by (intros; lra).
      rewrite <- (sum_one_hot D d (U v)) by auto. rewrite <- sum_scal_l.
      apply sum_ext. intros. ring.
  - apply sum_ext. intros n _. transitivity (one_hot c (x n) * Σ v < V, (U v d * G n v)).
    + unfold dot. rewrite <- sum_scal_l. apply sum_ext. intros v Hv. unfold G.
      rewrite (mean_error_ext N V w _ (fun n => linear_logits D U (E (x n)))); [ring|auto|].
      intros u _. apply sum_ext. intros. rewrite replaced2_same. reflexivity.
    + unfold one_hot. destruct (Nat.eq_dec (x n) c); lra.
Qed.

(** * One example moves other contexts *)

(** The gradients of one example, by the rows above. *)
Lemma one_example_gradients V D x w (U E GU GE : matrix) : (w < V)%nat ->
  let L := fun U E => logits_loss V (linear_logits D U (E x)) w in
  let g := fun v => softmax V (linear_logits D U (E x)) v - one_hot w v in
  (forall v d, (v < V)%nat -> (d < D)%nat -> is_partial2 (fun U => L U E) U v d (GU v d)) ->
  (forall c d, (d < D)%nat -> is_partial2 (fun E => L U E) E c d (GE c d)) ->
  (forall v d, (v < V)%nat -> (d < D)%nat -> GU v d = g v * E x d) /\
  (forall c d, (d < D)%nat ->
    GE c d = if Nat.eq_dec x c then Σ v < V, (U v d * g v) else 0).
Proof.
  intros Hw L g HU HE.
  (* The loss of one example is the mean over it. *)
  assert (L1 : forall U E, model_loss 1 V D (fun _ => x) (fun _ => w) U E = L U E).
  { intros U0 E0. unfold model_loss, logits_mean_loss, L. simpl. field. }
  split.
  - intros v d Hv Hd. specialize (HU v d Hv Hd). apply is_derive_unique in HU. rewrite <- HU.
    apply is_derive_unique.
    assert (B := backprop_output_weights 1 V D (fun _ => w) U (fun _ => E x) v d Hv Hd
                   (fun _ _ => Hw)).
    cbv zeta in B. simpl sum in B. unfold mean_error in B. simpl INR in B.
    unfold is_partial2 in B. evar_last.
    + eapply is_derive_ext; [|exact B]. intros t. apply (L1 (replaced2 U v d t) E).
    + unfold g. cbv beta. field.
  - intros c d Hd. specialize (HE c d Hd). apply is_derive_unique in HE. rewrite <- HE.
    apply is_derive_unique.
    assert (B := backprop_embeddings 1 V D (fun _ => x) (fun _ => w) U E c d Hd (fun _ _ => Hw)).
    cbv zeta in B. simpl in B. rewrite Rplus_0_l in B. unfold is_partial2 in B. evar_last.
    + eapply is_derive_ext; [|exact B]. intros t. apply (L1 U (replaced2 E c d t)).
    + cbv beta. destruct (Nat.eq_dec x c); [|reflexivity]. apply sum_ext. intros v _.
      unfold mean_error, g. simpl. field.
Qed.

(* box: prop-sharing
   Covers: the formula; what it says of the angles is read off it.
   Hypotheses: the model $z = U E[x]$; GU and GE are the partial derivatives of the loss of the
     one example; $c \ne x$.
   Cobre: a fórmula; o que ela diz dos ângulos lê-se nela.
   Hipóteses: o modelo $z = U E[x]$; GU e GE são as derivadas parciais da perda do único exemplo;
     $c \ne x$.
   Mutation: `= - eta * dot D` becomes `= eta * dot D`. *)
Theorem sharing V D x w (U E GU GE : matrix) eta c v :
  (w < V)%nat -> (v < V)%nat -> c <> x ->
  let L := fun U E => logits_loss V (linear_logits D U (E x)) w in
  (forall v d, (v < V)%nat -> (d < D)%nat -> is_partial2 (fun U => L U E) U v d (GU v d)) ->
  (forall c d, (d < D)%nat -> is_partial2 (fun E => L U E) E c d (GE c d)) ->
  let U' := fun v d => U v d - eta * GU v d in
  let E' := fun c d => E c d - eta * GE c d in
  linear_logits D U' (E' c) v - linear_logits D U (E c) v
  = - eta * dot D (E c) (E x) * (softmax V (linear_logits D U (E x)) v - one_hot w v).
Proof.
  intros Hw Hv Hc L HU HE U' E'.
  destruct (one_example_gradients V D x w U E GU GE Hw HU HE) as [EU EE].
  set (g := fun v => softmax V (linear_logits D U (E x)) v - one_hot w v) in *.
  unfold linear_logits at 1 2. unfold dot. rewrite <- sum_minus.
  rewrite Rmult_assoc, (Rmult_comm (sum _ _)), <- Rmult_assoc, <- sum_scal_l.
  apply sum_ext. intros d Hd. unfold U', E'. rewrite EU, EE by auto.
  destruct (Nat.eq_dec x c); [congruence|]. unfold g. ring.
Qed.

(** Bounds of e, and of log (1 + e). *)
Lemma exp_1_closer :
  2717 / 1000 < exp 1 < 2719 / 1000 /\ 13125 / 10000 < ln (1 + exp 1) < 13135 / 10000.
Proof.
  assert (A := ln_ratio_bounds (1 / 7)). assert (B := ln_ratio_bounds (1 / 5)).
  assert (C := ln_ratio_bounds (717 / 4717)). assert (D := ln_ratio_bounds (719 / 4719)).
  assert (F := ln_ratio_bounds (717 / 6717)). assert (G := ln_ratio_bounds (719 / 6719)).
  assert (R : forall t, 0 <= t < 1 -> ln (1 + t) - ln (1 - t) = ln ((1 + t) / (1 - t)))
    by (intros; rewrite ln_div; lra).
  rewrite R in A, B, C, D, F, G by lra.
  assert (L2 : ln 2 = ln ((1 + 1 / 7) / (1 - 1 / 7)) + ln ((1 + 1 / 5) / (1 - 1 / 5)))
    by (rewrite <- ln_mult by lra; f_equal; field).
  assert (L3 : ln 3 = ln 2 + ln ((1 + 1 / 5) / (1 - 1 / 5)))
    by (rewrite <- ln_mult by lra; f_equal; field).
  assert (E1 : ln (2717 / 1000) = ln 2 + ln ((1 + 717 / 4717) / (1 - 717 / 4717)))
    by (rewrite <- ln_mult by lra; f_equal; field).
  assert (E2 : ln (2719 / 1000) = ln 2 + ln ((1 + 719 / 4719) / (1 - 719 / 4719)))
    by (rewrite <- ln_mult by lra; f_equal; field).
  assert (E3 : ln (3717 / 1000) = ln 3 + ln ((1 + 717 / 6717) / (1 - 717 / 6717)))
    by (rewrite <- ln_mult by lra; f_equal; field).
  assert (E4 : ln (3719 / 1000) = ln 3 + ln ((1 + 719 / 6719) / (1 - 719 / 6719)))
    by (rewrite <- ln_mult by lra; f_equal; field).
  assert (H : 2717 / 1000 < exp 1 < 2719 / 1000)
    by (split; apply ln_lt_inv; try lra; try apply exp_pos; rewrite ln_exp; lra).
  split; [exact H|]. split.
  - apply Rlt_trans with (ln (3717 / 1000)); [lra|apply ln_increasing; lra].
  - apply Rlt_trans with (ln (3719 / 1000)); [apply ln_increasing; lra|lra].
Qed.

(* box: cex-weights-step
   Covers: the whole statement, with the numbers to the places shown.
   Hypotheses: two words, one context, hidden states of one number; GU and GE are the partial
     derivatives.
   Cobre: o enunciado inteiro, com os números nas casas mostradas.
   Hipóteses: duas palavras, um contexto, estados ocultos de um número; GU e GE são as derivadas
     parciais.
   Mutation: `4065 / 1000` becomes `4055 / 1000`. *)
Theorem step_on_the_weights_goes_wrong (GU GE : matrix) :
  let U := fun v _ : nat => if Nat.eq_dec v 0 then - / 2 else / 2 in
  let E := fun _ _ : nat => 1 in
  let z := fun (U E : matrix) => linear_logits 1 U (E 0%nat) in
  let L := fun U E => logits_loss 2 (z U E) 0 in
  (forall v d, (v < 2)%nat -> (d < 1)%nat -> is_partial2 (fun U => L U E) U v d (GU v d)) ->
  (forall c d, (d < 1)%nat -> is_partial2 (fun E => L U E) E c d (GE c d)) ->
  let after := L (fun v d => U v d - 3 * GU v d) (fun c d => E c d - 3 * GE c d) in
  2685 / 10000 < softmax 2 (z U E) 0 < 2695 / 10000 /\
  13125 / 10000 < L U E < 13135 / 10000 /\
  4055 / 1000 < after < 4065 / 1000 /\
  (* The same rate on the logits. *)
  logits_loss 2 (stepped 2 3 0 (z U E)) 0 < L U E.
Proof.
  intros U E z L HU HE after.
  destruct (one_example_gradients 2 1 0 0 U E GU GE ltac:(lia) HU HE) as [EU EE].
  destruct exp_1_closer as [X XL]. set (e := exp 1) in *.
  (* The prediction, and the error r of its first entry. *)
  assert (S0 : softmax 2 (z U E) 0 = / (1 + e)).
  { unfold softmax, z, linear_logits, dot, U, E. simpl. rewrite !Rplus_0_l, !Rmult_1_r.
    assert (Ee : e = exp (/ 2) * exp (/ 2))
      by (unfold e; rewrite <- exp_plus; f_equal; lra).
    rewrite exp_Ropp, Ee. assert (P := exp_pos (/ 2)). field. split; nra. }
  assert (S1 : softmax 2 (z U E) 1 = 1 - / (1 + e)).
  { assert (Q := softmax_sum 2 (z U E) ltac:(lia)). simpl in Q. lra. }
  set (r := 1 - / (1 + e)) in *.
  assert (Hr : / (1 + 2719 / 1000) < / (1 + e) < / (1 + 2717 / 1000))
    by (split; apply Rinv_lt_contravar; nra).
  assert (Two : forall z, logits_loss 2 z 0 = ln (1 + exp (z 1%nat - z 0%nat))).
  { intros q. unfold logits_loss, log_sum_exp. simpl. rewrite Rplus_0_l.
    replace (exp (q 0%nat) + exp (q 1%nat))
      with (exp (q 0%nat) * (1 + exp (q 1%nat - q 0%nat))).
    - rewrite ln_mult, ln_exp; [ring|apply exp_pos|].
      assert (P := exp_pos (q 1%nat - q 0%nat)). lra.
    - unfold Rminus. rewrite exp_plus, exp_Ropp. field. apply Rgt_not_eq, exp_pos. }
  assert (G0 : GU 0%nat 0%nat = - r).
  { rewrite EU by lia. fold (z U E). rewrite S0, one_hot_same. unfold E, r. ring. }
  assert (G1 : GU 1%nat 0%nat = r).
  { rewrite EU by lia. fold (z U E). rewrite S1, one_hot_other by lia. unfold E. ring. }
  assert (GE0 : GE 0%nat 0%nat = r).
  { rewrite EE by lia. simpl. fold (z U E). rewrite S0, S1, one_hot_same, one_hot_other by lia.
    unfold U, r. simpl. field. lra. }
  (* The difference of the logits after the step. *)
  set (d := (6 * r - 1) * (3 * r - 1)).
  assert (Ea : after = ln (1 + exp d)).
  { unfold after, L. rewrite Two. unfold z, linear_logits, dot. simpl sum.
    rewrite G0, G1, GE0. do 3 f_equal. unfold U, E, d. simpl. field. }
  assert (Hd : 40385 / 10000 < d < 4042 / 1000) by (unfold d, r; nra).
  assert (El : L U E = ln (1 + e)).
  { unfold L. rewrite Two. do 2 f_equal. unfold e. f_equal. unfold z, linear_logits, dot, U, E.
    simpl. field. }
  split; [rewrite S0; lra|split; [|split]].
  - rewrite El. exact XL.
  - (* log (1 + exp d) = d + log (1 + exp (-d)), with exp (-d) between 1/58 and 0.0184. *)
    assert (E4 : exp 4 = e * e * (e * e))
      by (unfold e; rewrite <- !exp_plus; f_equal; lra).
    assert (Ed : exp d = exp 4 * exp (d - 4)) by (rewrite <- exp_plus; f_equal; ring).
    assert (U1 := exp_ineq1_le (d - 4)). assert (U2 := exp_ineq1_le (- (d - 4))).
    assert (P := exp_pos (d - 4)). rewrite exp_Ropp in U2.
    apply (Rmult_le_compat_r (exp (d - 4))) in U2; [|lra]. rewrite Rinv_l in U2 by lra.
    assert (Q2 : 738 / 100 < e * e < 74 / 10) by nra.
    assert (Q : 54 < exp 4 < 55) by (rewrite E4; nra).
    assert (P2 : 1 < exp (d - 4) < 105 / 100) by nra.
    assert (Hexp : 54 < exp d < 58).
    { rewrite Ed. split; nra. }
    assert (Hy : / 58 < / exp d < / 54) by (split; apply Rinv_lt_contravar; nra).
    assert (Es : after = d + ln (1 + / exp d)).
    { rewrite Ea. replace (1 + exp d) with (exp d * (1 + / exp d)) by (field; lra).
      rewrite ln_mult, ln_exp by lra. reflexivity. }
    assert (T1 := ln_le_tangent (1 + / exp d) ltac:(lra)).
    assert (T2 := ln_le_tangent (/ (1 + / exp d)) ltac:(apply Rinv_0_lt_compat; lra)).
    rewrite ln_Rinv in T2 by lra.
    assert (/ (1 + / exp d) < / (1 + / 58)) by (apply Rinv_lt_contravar; nra).
    rewrite Es. lra.
  - apply (step_right 2 (z U E) 0 3); [lia|lia|lra].
Qed.

(** * The table *)

(** The mean loss of a table W with a row for each context: -log softmax(W[x])[w] on average. *)
Definition table_loss (N V : nat) (x w : nat -> nat) (W : matrix) : R :=
  logits_mean_loss N V w (fun n => W (x n)).

(** Row c of its gradient is the sum of (ŷ - y) / N over the examples with x n = c. *)
Definition table_gradient (N V : nat) (x w : nat -> nat) (W : matrix) : matrix := fun c v =>
  Σ n < N, (if Nat.eq_dec (x n) c then mean_error N V w (fun n => W (x n)) n v else 0).

(** A step of gradient descent. *)
Definition descended (N V : nat) (x w : nat -> nat) (eta : R) (W : matrix) : matrix :=
  fun c v => W c v - eta * table_gradient N V x w W c v.

(** The table after T steps. *)
Fixpoint trained (N V : nat) (x w : nat -> nat) (eta : R) (W : matrix) (T : nat) : matrix :=
  match T with
  | O => W
  | S T => descended N V x w eta (trained N V x w eta W T)
  end.

(* box: def-table
   Covers: that the stated rows are the partial derivatives of the loss.
   Hypotheses: finite logits; the words are in the vocabulary.
   Cobre: que as linhas dadas são as derivadas parciais da perda.
   Hipóteses: logits finitos; as palavras estão no vocabulário.
   Mutation: `(table_gradient N` becomes `(- table_gradient N`. *)
Theorem table_gradient_is_the_gradient N V x w (W : matrix) c v :
  (v < V)%nat -> (forall n, (n < N)%nat -> (w n < V)%nat) ->
  is_partial2 (table_loss N V x w) W c v (table_gradient N V x w W c v).
Proof.
  intros Hv Hw. unfold is_partial2, table_loss. evar_last.
  - apply (is_derive_logits_mean_loss N V w (fun t n => replaced2 W c v t (x n)) _
      (fun n u => one_hot c (x n) * one_hot v u)); auto.
    intros. apply is_derive_replaced2.
  - apply sum_ext. intros n _.
    transitivity (one_hot c (x n) * mean_error N V w (fun n => W (x n)) n v).
    + rewrite <- (sum_one_hot V v (mean_error N V w (fun n => W (x n)) n)) by auto.
      unfold dot. rewrite <- sum_scal_l. apply sum_ext. intros u Hu.
      rewrite (mean_error_ext N V w _ (fun n => W (x n))); [ring|auto|].
      intros j _. apply replaced2_same.
    + unfold one_hot. destruct (Nat.eq_dec (x n) c); lra.
Qed.

(** ** O cão ladra, trained *)

(** "O cão ladra .": the words o, cão, ladra and the full stop are 0 to 3; the pair n goes from the
    word n to the word n + 1. *)
Definition ladra_table (T : nat) : matrix := trained 3 4 (fun n => n) S 3 (fun _ _ => 0) T.

(** The logits after "ladra": the three wrong words stay alike, and each step adds to the lead of
    the full stop what the prediction lacks. *)
Lemma ladra_step T :
  let lead := fun T => ladra_table T 2%nat 3%nat - ladra_table T 2%nat 0%nat in
  (forall v, (v < 3)%nat -> ladra_table T 2%nat v = ladra_table T 2%nat 0%nat) /\
  (forall v, (v < 3)%nat -> softmax 4 (ladra_table T 2%nat) v = / (exp (lead T) + 3)) /\
  softmax 4 (ladra_table T 2%nat) 3 = 1 - 3 / (exp (lead T) + 3) /\
  lead (S T) = lead T + 4 / (exp (lead T) + 3).
Proof.
  intros lead.
  (* A step, entry by entry. *)
  assert (Step : forall T v, ladra_table (S T) 2%nat v
    = ladra_table T 2%nat v - (softmax 4 (ladra_table T 2%nat) v - one_hot 3 v)).
  { intros U v. unfold ladra_table. simpl trained. unfold descended at 1, table_gradient, mean_error.
    simpl. field. }
  assert (Soft : forall T, (forall v, (v < 3)%nat -> ladra_table T 2%nat v = ladra_table T 2%nat 0%nat) ->
    forall v, (v < 3)%nat -> softmax 4 (ladra_table T 2%nat) v = / (exp (lead T) + 3)).
  { intros U A v Hv. unfold softmax. rewrite A by auto. simpl.
    rewrite (A 1%nat), (A 2%nat) by lia. unfold lead, Rminus. rewrite exp_plus, exp_Ropp.
    assert (P0 := exp_pos (ladra_table U 2%nat 0%nat)).
    assert (P3 := exp_pos (ladra_table U 2%nat 3%nat)). field. split; lra. }
  assert (A : forall T v, (v < 3)%nat -> ladra_table T 2%nat v = ladra_table T 2%nat 0%nat).
  { intros U. induction U as [|U IH]; intros v Hv; [reflexivity|].
    rewrite !Step, IH, !Soft, !one_hot_other by (auto; lia). reflexivity. }
  assert (Sum : softmax 4 (ladra_table T 2%nat) 3 = 1 - 3 / (exp (lead T) + 3)).
  { assert (Q := softmax_sum 4 (ladra_table T 2%nat) ltac:(lia)). simpl in Q.
    rewrite !Soft in Q by (auto; lia). unfold Rdiv. lra. }
  split; [apply A|split; [apply Soft, A|split; [exact Sum|]]].
  unfold lead at 1. rewrite !Step, Sum, Soft, one_hot_same, one_hot_other by (auto; lia).
  unfold lead, Rdiv. ring.
Qed.

(** A number from the bounds of its logarithm. *)
Lemma exp_between l a b : 0 < a -> 0 < b -> ln a < l < ln b -> a < exp l < b.
Proof.
  intros Ha Hb H. split; apply ln_lt_inv; auto using exp_pos; rewrite ln_exp; lra.
Qed.

(* box: ex-training
   Covers: the five probabilities of the full stop and the two losses, to the three decimals
     shown; that the fourth step brings the loss below 0.223; that each step raises the right
     word and lowers all three wrong words.
   Hypotheses: the sentence's three pairs, with $\eta = 3$, from a table of zeros.
   Cobre: as cinco probabilidades do ponto final e as duas perdas, com as três casas mostradas;
     que o quarto passo leva a perda abaixo de 0,223; que cada passo sobe a palavra correta e
     baixa as três incorretas.
   Hipóteses: os três pares da frase, com $\eta = 3$, a partir de uma tabela de zeros.
   Mutation: `8035 / 10000 < p 4%nat` becomes `8045 / 10000 < p 4%nat`. *)
Theorem o_cao_ladra_trained :
  let p := fun T => softmax 4 (ladra_table T 2%nat) 3 in
  let loss := fun T => logits_loss 4 (ladra_table T 2%nat) 3 in
  p 0%nat = 25 / 100 /\ 13855 / 10000 < loss 0%nat < 13865 / 10000 /\
  4745 / 10000 < p 1%nat < 4755 / 10000 /\
  6455 / 10000 < p 2%nat < 6465 / 10000 /\
  7445 / 10000 < p 3%nat < 7455 / 10000 /\
  8035 / 10000 < p 4%nat < 8045 / 10000 /\ loss 4%nat < 223 / 1000 /\
  (forall T, p T < p (S T)) /\
  (forall T v, (v < 3)%nat ->
    softmax 4 (ladra_table (S T) 2%nat) v < softmax 4 (ladra_table T 2%nat) v).
Proof.
  intros p loss.
  set (lead := fun T => ladra_table T 2%nat 3%nat - ladra_table T 2%nat 0%nat).
  assert (Soft : forall T v, (v < 3)%nat ->
    softmax 4 (ladra_table T 2%nat) v = / (exp (lead T) + 3)) by (intros T; apply (ladra_step T)).
  assert (Right : forall T, p T = 1 - 3 / (exp (lead T) + 3)) by (intros T; apply (ladra_step T)).
  assert (Next : forall T, lead (S T) = lead T + 4 / (exp (lead T) + 3))
    by (intros T; apply (ladra_step T)).
  assert (Loss : forall T, loss T = - ln (p T)) by (intros; apply logits_loss_softmax; lia).
  assert (R : forall t, 0 <= t < 1 -> ln (1 + t) - ln (1 - t) = ln ((1 + t) / (1 - t)))
    by (intros; rewrite ln_div; lra).
  (* Logarithms of the bounds used below, from log 2 and a factor near 1. *)
  assert (A := ln_ratio_bounds (1 / 7)). assert (B := ln_ratio_bounds (1 / 5)).
  rewrite R in A, B by lra.
  assert (L2 : ln 2 = ln ((1 + 1 / 7) / (1 - 1 / 7)) + ln ((1 + 1 / 5) / (1 - 1 / 5)))
    by (rewrite <- ln_mult by lra; f_equal; field).
  assert (E0 : exp (lead 0%nat) = 1).
  { unfold lead, ladra_table. simpl. rewrite Rminus_0_r. apply exp_0. }
  assert (L0 : lead 0%nat = 0) by (unfold lead, ladra_table; simpl; ring).
  assert (L1 : lead 1%nat = 1) by (rewrite Next, E0, L0; field).
  assert (E1 : 2717 / 1000 < exp (lead 1%nat) < 2719 / 1000) by (rewrite L1; apply exp_1_closer).
  (* From bounds a and b of exp (lead T): of the probability, and of the next lead. *)
  assert (P : forall T a b, a < exp (lead T) < b -> 0 < a -> 1 - 3 / (a + 3) < p T < 1 - 3 / (b + 3)).
  { intros T a b H Ha. rewrite Right.
    assert (/ (exp (lead T) + 3) < / (a + 3)) by (apply Rinv_lt_contravar; nra).
    assert (/ (b + 3) < / (exp (lead T) + 3)) by (apply Rinv_lt_contravar; nra).
    unfold Rdiv. lra. }
  assert (N : forall T a b, a < exp (lead T) < b -> 0 < a ->
    lead T + 4 / (b + 3) < lead (S T) < lead T + 4 / (a + 3)).
  { intros T a b H Ha. rewrite Next.
    assert (/ (exp (lead T) + 3) < / (a + 3)) by (apply Rinv_lt_contravar; nra).
    assert (/ (b + 3) < / (exp (lead T) + 3)) by (apply Rinv_lt_contravar; nra).
    unfold Rdiv. lra. }
  assert (N1 := N 1%nat _ _ E1 ltac:(lra)).
  assert (E2 : 5468 / 1000 < exp (lead 2%nat) < 5475 / 1000).
  { assert (C := ln_ratio_bounds (1468 / 9468)). assert (D := ln_ratio_bounds (1475 / 9475)).
    rewrite R in C, D by lra. apply exp_between; [lra|lra|].
    replace (5468 / 1000) with (2 * 2 * ((1 + 1468 / 9468) / (1 - 1468 / 9468))) by field.
    replace (5475 / 1000) with (2 * 2 * ((1 + 1475 / 9475) / (1 - 1475 / 9475))) by field.
    rewrite !ln_mult by lra. lra. }
  assert (N2 := N 2%nat _ _ E2 ltac:(lra)).
  assert (E3 : 876 / 100 < exp (lead 3%nat) < 8785 / 1000).
  { assert (C := ln_ratio_bounds (76 / 1676)). assert (D := ln_ratio_bounds (785 / 16785)).
    rewrite R in C, D by lra. apply exp_between; [lra|lra|].
    replace (876 / 100) with (2 * 2 * 2 * ((1 + 76 / 1676) / (1 - 76 / 1676))) by field.
    replace (8785 / 1000) with (2 * 2 * 2 * ((1 + 785 / 16785) / (1 - 785 / 16785))) by field.
    rewrite !ln_mult by lra. lra. }
  assert (N3 := N 3%nat _ _ E3 ltac:(lra)).
  assert (E4 : 123 / 10 < exp (lead 4%nat) < 1234 / 100).
  { assert (C := ln_ratio_bounds (43 / 203)). assert (D := ln_ratio_bounds (434 / 2034)).
    rewrite R in C, D by lra. apply exp_between; [lra|lra|].
    replace (123 / 10) with (2 * 2 * 2 * ((1 + 43 / 203) / (1 - 43 / 203))) by field.
    replace (1234 / 100) with (2 * 2 * 2 * ((1 + 434 / 2034) / (1 - 434 / 2034))) by field.
    rewrite !ln_mult by lra. lra. }
  assert (Rise : forall T, exp (lead T) < exp (lead (S T))).
  { intros T. apply exp_increasing. rewrite Next.
    assert (X := exp_pos (lead T)). assert (0 < 4 / (exp (lead T) + 3)); [|lra].
    apply Rdiv_lt_0_compat; lra. }
  assert (Wrong : forall T, / (exp (lead (S T)) + 3) < / (exp (lead T) + 3)).
  { intros T. assert (X := exp_pos (lead T)). specialize (Rise T).
    apply Rinv_lt_contravar; [nra|lra]. }
  assert (Q0 : p 0%nat = 25 / 100) by (rewrite Right, E0; field).
  assert (Q1 := P 1%nat _ _ E1 ltac:(lra)). assert (Q2 := P 2%nat _ _ E2 ltac:(lra)).
  assert (Q3 := P 3%nat _ _ E3 ltac:(lra)). assert (Q4 := P 4%nat _ _ E4 ltac:(lra)).
  repeat split; try lra.
  - rewrite Loss, Q0. replace (25 / 100) with (/ (2 * 2)) by field.
    rewrite ln_Rinv, ln_mult by lra. lra.
  - rewrite Loss, Q0. replace (25 / 100) with (/ (2 * 2)) by field.
    rewrite ln_Rinv, ln_mult by lra. lra.
  - (* 0.8035 is above exp (-0.223): with log 0.8 = log (4/5). *)
    rewrite Loss. assert (C := ln_ratio_bounds (1 / 9)). rewrite R in C by lra.
    replace ((1 + 1 / 9) / (1 - 1 / 9)) with (/ (80 / 100)) in C by field.
    rewrite ln_Rinv in C by lra.
    assert (D := ln_ratio_bounds (35 / 16035)). rewrite R in D by lra.
    assert (X : ln (8035 / 10000) = ln (80 / 100) + ln ((1 + 35 / 16035) / (1 - 35 / 16035)))
      by (rewrite <- ln_mult by lra; f_equal; field).
    assert (ln (8035 / 10000) < ln (p 4%nat)) by (apply ln_increasing; lra). lra.
  - intros T. rewrite !Right. specialize (Wrong T). unfold Rdiv. lra.
  - intros T v Hv. rewrite !Soft by auto. apply Wrong.
Qed.

(** ** A safe learning rate *)

Section Rate.

Context (N V C : nat) (x w : nat -> nat).
Context (HN : (0 < N)%nat) (Hx : forall n, (n < N)%nat -> (x n < C)%nat)
  (Hw : forall n, (n < N)%nat -> (w n < V)%nat).

(** m is at least the largest count of a context. *)
Context (m : R).
Context (Hm : forall c, (c < C)%nat -> context_count N x c <= m).

Let Lambda := m / (2 * INR N).
Let L := table_loss N V x w.
Let G := table_gradient N V x w.

Let HNR : 0 < INR N. Proof. apply lt_0_INR. auto. Qed.

(** The table's gradient times a change of the table is the examples' errors times the change of
    their rows. *)
Let gradient_dot W U :
  dot2 C V (G W) U = dot2 N V (mean_error N V w (fun n => W (x n))) (fun n => U (x n)).
Proof.
  unfold dot2. rewrite <- (sum_by_context C N x
    (fun n c => dot V (mean_error N V w (fun n => W (x n)) n) (U c))) by auto.
  apply sum_ext. intros c _. unfold dot, G, table_gradient.
  rewrite (sum_ext V _ (fun v => Σ n < N,
    (if Nat.eq_dec (x n) c then mean_error N V w (fun n => W (x n)) n v * U c v else 0))).
  - rewrite sum_swap. apply sum_ext. intros n _.
    destruct (Nat.eq_dec (x n) c); [reflexivity|apply sum_zero; auto].
  - intros v _. rewrite <- sum_scal_r. apply sum_ext. intros n _.
    destruct (Nat.eq_dec (x n) c); ring.
Qed.

(** The loss of a moved table lies between the tangent and a parabola above it. *)
Let moved W U :
  L W + dot2 C V (G W) U <= L (fun c v => W c v + U c v)
  <= L W + dot2 C V (G W) U + Lambda / 2 * dot2 C V U U.
Proof.
  set (tangent := fun n => logits_loss V (W (x n)) (w n) +
    Σ v < V, ((softmax V (W (x n)) v - one_hot (w n) v) * U (x n) v)).
  assert (ET : sum N tangent / INR N = L W + dot2 C V (G W) U).
  { unfold tangent. rewrite sum_plus, gradient_dot. unfold L, table_loss, logits_mean_loss, Rdiv.
    rewrite Rmult_plus_distr_r. f_equal. unfold dot2. rewrite <- sum_scal_r.
    apply sum_ext. intros n _. unfold dot. rewrite <- sum_scal_r.
    apply sum_ext. intros v _. unfold mean_error. field. lra. }
  assert (EQ : (Σ n < N, dot V (U (x n)) (U (x n))) <= m * dot2 C V U U).
  { rewrite <- (sum_by_context C N x (fun _ c => dot V (U c) (U c))) by auto.
    unfold dot2. rewrite <- sum_scal_l. apply sum_le. intros c Hc.
    apply Rle_trans with (context_count N x c * dot V (U c) (U c)).
    - right. unfold context_count. rewrite <- sum_scal_r. apply sum_ext. intros n _.
      unfold one_hot. destruct (Nat.eq_dec (x n) c), (Nat.eq_dec c (x n)); try congruence; ring.
    - apply Rmult_le_compat_r; [apply dot_self_nonneg|auto]. }
  assert (B : forall n, (n < N)%nat ->
    tangent n <= logits_loss V (fun v => W (x n) v + U (x n) v) (w n)
    <= tangent n + dot V (U (x n)) (U (x n)) / 4).
  { intros n Hn. apply (logits_loss_moved V (W (x n)) (U (x n)) (w n)). auto. }
  rewrite <- ET. split.
  - apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; auto|].
    apply sum_le. intros n Hn. apply B. auto.
  - apply Rle_trans with
      ((sum N tangent + (Σ n < N, dot V (U (x n)) (U (x n))) / 4) / INR N).
    + apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; auto|].
      rewrite <- sum_div, <- sum_plus. apply sum_le. intros n Hn. apply B. auto.
    + unfold Lambda. replace (m / (2 * INR N) / 2 * dot2 C V U U)
        with (m * dot2 C V U U / 4 / INR N) by (field; lra).
      unfold Rdiv at 1 3. rewrite Rmult_plus_distr_r. apply Rplus_le_compat_l.
      apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; auto|]. lra.
Qed.

(** Part 1. *)
Lemma step_lowers_loss eta W :
  L (descended N V x w eta W) <= L W - eta * (1 - eta * Lambda / 2) * dot2 C V (G W) (G W).
Proof.
  destruct (moved W (fun c v => - eta * G W c v)) as [_ H].
  assert (E1 : dot2 C V (G W) (fun c v => - eta * G W c v) = - eta * dot2 C V (G W) (G W)).
  { unfold dot2, dot. rewrite <- sum_scal_l. apply sum_ext. intros c _.
    rewrite <- sum_scal_l. apply sum_ext. intros. ring. }
  assert (E2 : dot2 C V (fun c v => - eta * G W c v) (fun c v => - eta * G W c v)
               = eta ^ 2 * dot2 C V (G W) (G W)).
  { unfold dot2, dot. rewrite <- sum_scal_l. apply sum_ext. intros c _.
    rewrite <- sum_scal_l. apply sum_ext. intros. ring. }
  rewrite E1, E2 in H.
  replace (L (descended N V x w eta W)) with (L (fun c v => W c v + - eta * G W c v)); [lra|].
  unfold L, table_loss, logits_mean_loss. f_equal. apply sum_ext. intros n Hn.
  apply logits_loss_ext; [auto|]. intros v _. unfold descended, G. ring.
Qed.

(** ** Part 2 *)

Context (eta : R).
Context (Heta : 0 < eta < 4 * INR N / m).

Let m_pos : 0 < m.
Proof.
  apply Rlt_le_trans with (context_count N x (x O)); [|apply Hm, Hx; auto].
  apply Rlt_le_trans with (one_hot (x 0%nat) (x 0%nat)); [rewrite one_hot_same; lra|].
  apply (one_term_le N 0 (fun n => one_hot (x n) (x 0%nat))); auto.
  intros. apply one_hot_nonneg.
Qed.

Let kappa := 1 - eta * Lambda / 2.

Let kappa_pos : 0 < kappa.
Proof.
  unfold kappa, Lambda.
  assert (eta * m < 4 * INR N).
  { apply (Rmult_lt_reg_r (/ m)); [apply Rinv_0_lt_compat, m_pos|].
    rewrite Rmult_assoc, Rinv_r by (apply Rgt_not_eq, m_pos).
    unfold Rdiv in Heta. lra. }
  replace (eta * (m / (2 * INR N)) / 2) with (eta * m / (4 * INR N)) by (field; lra).
  assert (eta * m / (4 * INR N) < 1); [|lra].
  apply (Rmult_lt_reg_r (4 * INR N)); [lra|]. unfold Rdiv.
  rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Lemma step_lowers_loss_strictly W : (exists c v, (c < C)%nat /\ (v < V)%nat /\ G W c v <> 0) ->
  L (descended N V x w eta W) < L W.
Proof.
  intros [c [v [Hc [Hv Hne]]]].
  assert (P : 0 < dot2 C V (G W) (G W)).
  { destruct (Rle_lt_or_eq_dec 0 (dot2 C V (G W) (G W))) as [|E]; auto.
    - apply sum_nonneg. intros. apply dot_self_nonneg.
    - exfalso. apply Hne. apply (dot_self_zero V (G W c)); auto.
      apply (terms_zero C (fun c => dot V (G W c) (G W c))); auto.
      intros. apply dot_self_nonneg. }
  assert (S := step_lowers_loss eta W). fold kappa in S.
  assert (0 < eta * kappa * dot2 C V (G W) (G W)); [|lra].
  apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat; [lra|apply kappa_pos]|auto].
Qed.

Context (F : R).
Context (HF : forall W, F <= L W).

(** The square of the distance between two tables. *)
Let distance2 (A B : matrix) : R := dot2 C V (fun c v => A c v - B c v) (fun c v => A c v - B c v).

(** One step: what the loss exceeds that of A, against what the distance to A and the loss lose. *)
Let one_step W A :
  2 * eta * (L W - L A) + distance2 (descended N V x w eta W) A
    + eta / kappa * L (descended N V x w eta W)
  <= distance2 W A + eta / kappa * L W.
Proof.
  assert (K := kappa_pos).
  assert (S := step_lowers_loss eta W). fold kappa in S.
  destruct (moved W (fun c v => A c v - W c v)) as [T _].
  assert (EA : L (fun c v => W c v + (A c v - W c v)) = L A).
  { unfold L, table_loss, logits_mean_loss. f_equal. apply sum_ext. intros n Hn.
    apply logits_loss_ext; [auto|]. intros v _. ring. }
  rewrite EA in T.
  assert (ED : distance2 (descended N V x w eta W) A
    = distance2 W A + 2 * eta * dot2 C V (G W) (fun c v => A c v - W c v)
      + eta ^ 2 * dot2 C V (G W) (G W)).
  { unfold distance2, dot2, dot. rewrite <- !sum_scal_l, <- !sum_plus. apply sum_ext. intros c _.
    rewrite <- !sum_scal_l, <- !sum_plus. apply sum_ext. intros v _. unfold descended, G. ring. }
  assert (EG : eta ^ 2 * dot2 C V (G W) (G W)
               <= eta / kappa * (L W - L (descended N V x w eta W))).
  { apply Rle_trans with (eta / kappa * (eta * kappa * dot2 C V (G W) (G W))).
    - right. field. lra.
    - apply Rmult_le_compat_l; [left; apply Rdiv_lt_0_compat; lra|lra]. }
  assert (2 * eta * dot2 C V (G W) (fun c v => A c v - W c v) <= 2 * eta * (L A - L W))
    by (apply Rmult_le_compat_l; lra).
  lra.
Qed.

Let never_rising W T : L (trained N V x w eta W (S T)) <= L (trained N V x w eta W T).
Proof.
  assert (S := step_lowers_loss eta (trained N V x w eta W T)). fold kappa in S. simpl.
  assert (0 <= eta * kappa * dot2 C V (G (trained N V x w eta W T)) (G (trained N V x w eta W T))); [|lra].
  apply Rmult_le_pos; [left; apply Rmult_lt_0_compat; [lra|apply kappa_pos]|].
  apply sum_nonneg. intros. apply dot_self_nonneg.
Qed.

Let all_steps W A T :
  2 * eta * INR T * (L (trained N V x w eta W T) - L A) + distance2 (trained N V x w eta W T) A
    + eta / kappa * L (trained N V x w eta W T)
  <= distance2 W A + eta / kappa * L W.
Proof.
  induction T as [|T IH]; [simpl; lra|].
  assert (R := never_rising W T). assert (O := one_step (trained N V x w eta W T) A).
  rewrite S_INR. simpl in *.
  assert (0 <= INR T) by apply pos_INR.
  assert (P : 2 * eta * (INR T + 1) * (L (descended N V x w eta (trained N V x w eta W T)) - L A)
    <= 2 * eta * (INR T + 1) * (L (trained N V x w eta W T) - L A)).
  { apply Rmult_le_compat_l; [|lra]. apply Rmult_le_pos; lra. }
  lra.
Qed.

Lemma comes_down W A T : (1 <= T)%nat ->
  L (trained N V x w eta W T) - L A
  <= 1 / (2 * eta * INR T) * (distance2 W A + eta * (L W - F) / (1 - eta * Lambda / 2)).
Proof.
  intros HT. fold kappa. assert (K := kappa_pos). assert (S := all_steps W A T).
  assert (HTR : 0 < INR T) by (apply lt_0_INR; lia).
  assert (D : 0 <= distance2 (trained N V x w eta W T) A)
    by (apply sum_nonneg; intros; apply (dot_self_nonneg V)).
  assert (B : eta / kappa * F <= eta / kappa * L (trained N V x w eta W T)).
  { apply Rmult_le_compat_l; [left; apply Rdiv_lt_0_compat; lra|apply HF]. }
  assert (P : 0 < 2 * eta * INR T) by (apply Rmult_lt_0_compat; lra).
  apply (Rmult_le_reg_l (2 * eta * INR T)); auto.
  replace (2 * eta * INR T * (1 / (2 * eta * INR T) * (distance2 W A + eta * (L W - F) / kappa)))
    with (distance2 W A + eta / kappa * L W - eta / kappa * F) by (field; lra).
  lra.
Qed.

Lemma comes_down_to_infimum W : (forall eps, 0 < eps -> exists A, L A < F + eps) ->
  is_lim_seq (fun T => L (trained N V x w eta W T)) F.
Proof.
  intros Hinf. apply is_lim_seq_spec. intros [eps Heps]. simpl.
  destruct (Hinf (eps / 2) ltac:(lra)) as [A HA].
  set (c := distance2 W A + eta * (L W - F) / (1 - eta * Lambda / 2)).
  (* From T0 on, the bound is below eps / 2. *)
  destruct (nfloor_ex (Rmax 0 (c / (eta * eps)))) as [T0 [_ HT0]]; [apply Rmax_l|].
  exists (S T0). intros T HT.
  assert (HTR : INR T0 + 1 <= INR T) by (rewrite <- S_INR; apply le_INR; auto).
  assert (B := comes_down W A T ltac:(lia)). fold c in B.
  assert (LB := HF (trained N V x w eta W T)).
  assert (P0 := pos_INR T0).
  assert (Hc : c < eta * eps * INR T).
  { assert (c / (eta * eps) < INR T) by (assert (H := Rmax_r 0 (c / (eta * eps))); lra).
    apply (Rmult_lt_reg_r (/ (eta * eps))); [apply Rinv_0_lt_compat, Rmult_lt_0_compat; lra|].
    replace (eta * eps * INR T * / (eta * eps)) with (INR T) by (field; lra). exact H. }
  assert (P : 1 / (2 * eta * INR T) * c < eps / 2).
  { apply (Rmult_lt_reg_l (2 * eta * INR T)).
    - apply Rmult_lt_0_compat; lra.
    - replace (2 * eta * INR T * (1 / (2 * eta * INR T) * c)) with c by (field; lra). lra. }
  apply Rabs_lt_between. lra.
Qed.

End Rate.

(* box: prop-rate, part 1
   Covers: part 1, for every bound m of the counts, of which the largest count is the best.
   Hypotheses: at least one pair; exact arithmetic.
   Cobre: a parte 1, para toda cota m das contagens, das quais a maior contagem é a melhor.
   Hipóteses: pelo menos um par; aritmética exata.
   Mutation: `- eta * (1 - eta * Lambda / 2)` becomes `- 3 * eta * (1 - eta * Lambda / 2)`. *)
Theorem safe_rate_lowers N V C x w m eta W : (0 < N)%nat ->
  (forall n, (n < N)%nat -> (x n < C)%nat /\ (w n < V)%nat) ->
  (forall c, (c < C)%nat -> context_count N x c <= m) -> 0 < eta < 4 * INR N / m ->
  let Lambda := m / (2 * INR N) in
  let L := table_loss N V x w in
  let G := table_gradient N V x w W in
  let W' := descended N V x w eta W in
  L W' <= L W - eta * (1 - eta * Lambda / 2) * dot2 C V G G /\
  ((exists c v, (c < C)%nat /\ (v < V)%nat /\ G c v <> 0) -> L W' < L W).
Proof.
  intros HN Hxw Hm He. split.
  - apply (step_lowers_loss N V C x w HN); auto; intros; apply Hxw; auto.
  - apply (step_lowers_loss_strictly N V C x w HN) with (m := m); auto;
      intros; apply Hxw; auto.
Qed.

(* box: prop-rate, part 2
   Covers: part 2, with the convergence to the infimum.
   Hypotheses: as in part 1; F is the infimum of the loss, attained or not.
   Cobre: a parte 2, com a convergência ao ínfimo.
   Hipóteses: como na parte 1; F é o ínfimo da perda, atingido ou não.
   Mutation: `0 < eta < 4 * INR N / m` becomes `0 < eta < 8 * INR N / m`. *)
Theorem safe_rate_comes_down N V C x w m eta F W : (0 < N)%nat ->
  (forall n, (n < N)%nat -> (x n < C)%nat /\ (w n < V)%nat) ->
  (forall c, (c < C)%nat -> context_count N x c <= m) -> 0 < eta < 4 * INR N / m ->
  let Lambda := m / (2 * INR N) in
  let L := table_loss N V x w in
  let W_ := trained N V x w eta W in
  (* F is the infimum of the loss. *)
  (forall A, F <= L A) -> (forall eps, 0 < eps -> exists A, L A < F + eps) ->
  (forall A T, (1 <= T)%nat ->
    L (W_ T) - L A
    <= 1 / (2 * eta * INR T) *
       (dot2 C V (fun c v => W c v - A c v) (fun c v => W c v - A c v)
        + eta * (L W - F) / (1 - eta * Lambda / 2))) /\
  is_lim_seq (fun T => L (W_ T)) F.
Proof.
  intros HN Hxw Hm He Lambda L W_ HF Hinf.
  assert (Hx : forall n, (n < N)%nat -> (x n < C)%nat) by (intros; apply Hxw; auto).
  assert (Hw : forall n, (n < N)%nat -> (w n < V)%nat) by (intros; apply Hxw; auto).
  split; [intros; apply comes_down; auto|].
  apply (comes_down_to_infimum N V C x w HN Hx Hw m Hm); auto.
Qed.

(** * The floor *)

Section Floor.

Context (N V C : nat) (x w : nat -> nat).
Context (HN : (0 < N)%nat)
  (Hxw : forall n, (n < N)%nat -> (x n < C)%nat /\ (w n < V)%nat).

Let L := table_loss N V x w.
Let F := conditional_entropy V C N x w.
Let p := frequency N x w.

Let HNR : 0 < INR N. Proof. apply lt_0_INR. auto. Qed.
Let HV : (0 < V)%nat. Proof. destruct (Hxw O HN). lia. Qed.

Let p_distribution c : 0 < context_count N x c -> distribution V (p c).
Proof. apply frequency_distribution. intros n Hn. apply Hxw. auto. Qed.

(** Counts are the context's count times the frequencies, also where it does not occur. *)
Let count_frequency c v : (v < V)%nat -> count N x w c v = context_count N x c * p c v.
Proof.
  intros Hv. unfold p, frequency. destruct (context_count_nonneg N x c) as [H|H0].
  - field. lra.
  - rewrite <- H0, Rmult_0_l. apply (terms_zero V (count N x w c)); auto.
    + intros. apply count_nonneg.
    + rewrite H0. apply (sum_counts V). intros n Hn. apply Hxw. auto.
Qed.

(** What a prediction q loses against the frequencies of its context. *)
Let excess (c : nat) (q : vector) : R := Σ v < V, (p c v * (ln (p c v) - ln (q v))).

(** The loss of a table is the floor and the mean excess. *)
Let loss_excess (W : matrix) :
  L W = F + / INR N * (Σ c < C, (context_count N x c * excess c (softmax V (W c)))).
Proof.
  unfold F, conditional_entropy. rewrite <- Rmult_plus_distr_l, <- sum_plus.
  unfold L, table_loss, logits_mean_loss, Rdiv. rewrite Rmult_comm. f_equal.
  rewrite (sum_ext N _ (fun n => - ln (softmax V (W (x n)) (w n))))
    by (intros; apply logits_loss_softmax; exact HV).
  rewrite (sum_by_counts V C N x w (fun c v => - ln (softmax V (W c) v))) by auto.
  apply sum_ext. intros c _. rewrite <- Rmult_plus_distr_l. unfold entropy, excess. fold p.
  rewrite <- sum_opp, <- sum_plus, <- sum_scal_l. apply sum_ext. intros v Hv.
  rewrite count_frequency by auto. ring.
Qed.

(** Each word's difference, squared, is at most four times the excess: with the square roots
    a and b of two probabilities, -ln (b / a) >= 1 - b / a. *)
Let excess_roots s r : 0 < s -> 0 < r ->
  (s - r) ^ 2 <= s * s * (ln (s * s) - ln (r * r)) + r * r - s * s.
Proof.
  intros Hs Hr. rewrite !ln_mult by auto.
  assert (T := ln_le_tangent (r / s) (Rdiv_lt_0_compat _ _ Hr Hs)). rewrite ln_div in T by auto.
  apply (Rmult_le_compat_l (s * s)) in T; [|apply Rmult_le_pos; lra].
  replace (s * s * (r / s - 1)) with (s * r - s * s) in T by (field; lra). lra.
Qed.

Let excess_term a q : 0 <= a -> 0 < q -> (sqrt a - sqrt q) ^ 2 <= a * (ln a - ln q) + q - a.
Proof.
  intros [Ha| <-] Hq; assert (Eq := sqrt_sqrt q (Rlt_le _ _ Hq)).
  - assert (R := excess_roots (sqrt a) (sqrt q) (sqrt_lt_R0 a Ha) (sqrt_lt_R0 q Hq)).
    rewrite Eq, sqrt_sqrt in R by lra. exact R.
  - rewrite sqrt_0. lra.
Qed.

Let excess_squares c q : distribution V (p c) -> distribution V q -> positive V q ->
  Σ v < V, (sqrt (p c v) - sqrt (q v)) ^ 2 <= excess c q.
Proof.
  intros HP HQ Hq. unfold excess.
  apply Rle_trans with (Σ v < V, (p c v * (ln (p c v) - ln (q v)) + q v - p c v)).
  - apply sum_le. intros v Hv. apply excess_term; [apply HP; auto|auto].
  - rewrite sum_minus, sum_plus, (distribution_sum V q HQ), (distribution_sum V (p c) HP). lra.
Qed.

Let softmax_dist (W : matrix) c : distribution V (softmax V (W c)).
Proof. apply softmax_distribution, HV. Qed.

Let softmax_positive (W : matrix) c : positive V (softmax V (W c)).
Proof. intros v _. apply softmax_pos, HV. Qed.

Let excess_nonneg (W : matrix) c : 0 <= context_count N x c * excess c (softmax V (W c)).
Proof.
  destruct (context_count_nonneg N x c) as [H| <-]; [|lra].
  apply Rmult_le_pos; [lra|].
  eapply Rle_trans; [|apply excess_squares; auto]. apply sum_nonneg. intros. apply pow2_ge_0.
Qed.

Lemma floor_le (W : matrix) : F <= L W.
Proof.
  rewrite loss_excess. assert (0 <= / INR N * (Σ c < C, (context_count N x c * excess c (softmax V (W c))))).
  { apply Rmult_le_pos; [left; apply Rinv_0_lt_compat; auto|apply sum_nonneg; auto]. }
  lra.
Qed.

(** The logits ln q have the softmax q. *)
Let softmax_ln q v : distribution V q -> positive V q -> (v < V)%nat ->
  softmax V (fun v => ln (q v)) v = q v.
Proof.
  intros HQ Hq Hv. unfold softmax. rewrite (sum_ext V _ q) by (intros; apply exp_ln; auto).
  rewrite (distribution_sum V q HQ), exp_ln by auto. field.
Qed.

(** The frequencies, mixed with a little of the uniform prediction. *)
Let mixed (delta : R) (c : nat) : vector := fun v => (1 - delta) * p c v + delta / INR V.

Let HVR : 0 < INR V. Proof. apply lt_0_INR, HV. Qed.

Let mixed_distribution delta c : 0 <= delta <= 1 -> 0 < context_count N x c ->
  distribution V (mixed delta c).
Proof.
  intros Hd Hc. assert (HP := p_distribution c Hc). split.
  - intros v Hv. assert (0 <= p c v) by (apply HP; auto).
    assert (0 <= delta / INR V) by (apply Rmult_le_pos; [lra|left; apply Rinv_0_lt_compat; auto]).
    unfold mixed. nra.
  - unfold mixed. rewrite sum_plus, sum_scal_l, sum_const.
    change (Σ v < V, p c v) with (sum V (p c)).
    rewrite (distribution_sum V (p c) HP). field. lra.
Qed.

(** Its table is above the floor by at most -log (1 - delta). *)
Let mixed_loss delta : 0 <= delta < 1 ->
  (forall c, 0 < context_count N x c -> positive V (mixed delta c)) ->
  L (fun c v => ln (mixed delta c v)) <= F - ln (1 - delta).
Proof.
  intros Hd Hpos. rewrite loss_excess.
  assert (B : Σ c < C, (context_count N x c * excess c (softmax V (fun v => ln (mixed delta c v))))
              <= Σ c < C, (context_count N x c * - ln (1 - delta))).
  { apply sum_le. intros c _. destruct (context_count_nonneg N x c) as [Hc| <-]; [|lra].
    apply Rmult_le_compat_l; [lra|]. assert (HP := p_distribution c Hc).
    apply Rle_trans with (Σ v < V, (p c v * - ln (1 - delta)));
      [|right; rewrite sum_scal_r; change (Σ v < V, p c v) with (sum V (p c));
        rewrite (distribution_sum V (p c) HP); ring].
    apply sum_le. intros v Hv.
    rewrite softmax_ln; [|apply mixed_distribution; [lra|auto]|apply Hpos; auto|auto].
    destruct (proj1 HP v Hv) as [Hp| <-]; [|lra].
    apply Rmult_le_compat_l; [lra|].
    assert (ln ((1 - delta) * p c v) <= ln (mixed delta c v)).
    { apply ln_le; [apply Rmult_lt_0_compat; lra|]. unfold mixed.
      assert (0 <= delta / INR V) by (apply Rmult_le_pos; [lra|left; apply Rinv_0_lt_compat; auto]).
      lra. }
    rewrite ln_mult in H by lra. lra. }
  assert (ET : Σ c < C, (context_count N x c * - ln (1 - delta)) = INR N * - ln (1 - delta)).
  { rewrite sum_scal_r. f_equal. unfold context_count. rewrite sum_swap.
    rewrite (sum_ext N _ (fun _ => 1)); [rewrite sum_const; lra|]. intros n Hn.
    apply (distribution_sum C (one_hot (x n))), one_hot_distribution, Hxw. auto. }
  rewrite ET in B. apply (Rmult_le_compat_l (/ INR N)) in B;
    [|left; apply Rinv_0_lt_compat; auto].
  rewrite <- Rmult_assoc, Rinv_l in B by lra. lra.
Qed.

Lemma approached eps : 0 < eps -> exists W, L W < F + eps.
Proof.
  intros He. set (delta := 1 - exp (- (eps / 2))).
  assert (E0 := exp_pos (- (eps / 2))).
  assert (E1 : exp (- (eps / 2)) < 1) by (rewrite <- exp_0; apply exp_increasing; lra).
  exists (fun c v => ln (mixed delta c v)).
  eapply Rle_lt_trans; [apply mixed_loss; [unfold delta; lra|]|].
  - intros c Hc v Hv. assert (0 <= p c v) by (apply (p_distribution c Hc); auto).
    assert (0 < delta / INR V) by (apply Rdiv_lt_0_compat; [unfold delta; lra|auto]).
    unfold mixed. apply Rplus_le_lt_0_compat; [|auto]. apply Rmult_le_pos; [unfold delta; lra|auto].
  - replace (1 - delta) with (exp (- (eps / 2))) by (unfold delta; ring). rewrite ln_exp. lra.
Qed.

(** From the excess of the whole table to one context. *)
Let context_excess (W : matrix) c v : (c < C)%nat -> (v < V)%nat -> 0 < context_count N x c ->
  (p c v - softmax V (W c) v) ^ 2 <= 4 * INR N / context_count N x c * (L W - F).
Proof.
  intros Hc Hv Hocc. set (q := softmax V (W c)).
  assert (HP := p_distribution c Hocc). assert (HQ := softmax_dist W c). fold q in HQ.
  assert (HP1 := distribution_at_most_one V (p c) v HP Hv).
  assert (HQ1 := distribution_at_most_one V q v HQ Hv).
  assert (D : (p c v - q v) ^ 2 <= 4 * (sqrt (p c v) - sqrt (q v)) ^ 2).
  { assert (S1 := sqrt_sqrt (p c v) (proj1 HP1)). assert (S2 := sqrt_sqrt (q v) (proj1 HQ1)).
    assert (P1 := sqrt_pos (p c v)). assert (P2 := sqrt_pos (q v)).
    assert (M1 : sqrt (p c v) <= 1) by (rewrite <- sqrt_1; apply sqrt_le_1_alt; lra).
    assert (M2 : sqrt (q v) <= 1) by (rewrite <- sqrt_1; apply sqrt_le_1_alt; lra).
    set (a := sqrt (p c v)) in *. set (b := sqrt (q v)) in *.
    replace (p c v - q v) with ((a - b) * (a + b)) by lra. rewrite Rpow_mult_distr.
    rewrite (Rmult_comm 4). apply Rmult_le_compat_l; [apply pow2_ge_0|]. nra. }
  assert (T : (sqrt (p c v) - sqrt (q v)) ^ 2 <= excess c q).
  { eapply Rle_trans; [|apply excess_squares; auto; apply (softmax_positive W c)].
    apply (one_term_le V v (fun v => (sqrt (p c v) - sqrt (q v)) ^ 2)); auto.
    intros. apply pow2_ge_0. }
  assert (X : context_count N x c * excess c q <= INR N * (L W - F)).
  { rewrite loss_excess. apply Rle_trans with
      (Σ c < C, (context_count N x c * excess c (softmax V (W c)))).
    - apply (one_term_le C c (fun c => context_count N x c * excess c (softmax V (W c)))); auto.
    - right. field. lra. }
  apply (Rmult_le_reg_l (context_count N x c)); auto.
  replace (context_count N x c * (4 * INR N / context_count N x c * (L W - F)))
    with (4 * (INR N * (L W - F))) by (field; lra).
  nra.
Qed.

Lemma attained :
  (exists W, L W = F) <->
  (forall c v, (c < C)%nat -> (v < V)%nat -> 0 < context_count N x c -> 0 < count N x w c v).
Proof.
  split.
  - (* At the floor the predictions are the frequencies, and a softmax is positive. *)
    intros [W E] c v Hc Hv Hocc. rewrite count_frequency by auto.
    assert (B := context_excess W c v Hc Hv Hocc). rewrite E in B.
    replace (p c v) with (softmax V (W c) v).
    + apply Rmult_lt_0_compat; [auto|apply softmax_positive; auto].
    + assert (0 <= (p c v - softmax V (W c) v) ^ 2) by apply pow2_ge_0.
      assert ((p c v - softmax V (W c) v) * (p c v - softmax V (W c) v) = 0) by lra.
      apply Rmult_integral in H0. destruct H0; lra.
  - intros H. exists (fun c v => ln (mixed 0 c v)).
    apply Rle_antisym; [|apply floor_le].
    eapply Rle_trans; [apply mixed_loss; [lra|]|rewrite Rminus_0_r, ln_1; lra].
    intros c Hocc v Hv. unfold mixed.
    assert (Hc : (c < C)%nat).
    { destruct (Nat.lt_ge_cases c C) as [|Hge]; auto. exfalso.
      assert (context_count N x c = 0); [|lra]. apply sum_zero. intros n Hn.
      apply one_hot_other. destruct (Hxw n Hn). lia. }
    specialize (H c v Hc Hv Hocc). rewrite count_frequency in H by auto.
    assert (0 < p c v); [|lra].
    apply (Rmult_lt_reg_l (context_count N x c)); [auto|lra].
Qed.

Lemma converges (W : nat -> matrix) : is_lim_seq (fun k => L (W k)) F ->
  forall c v, (c < C)%nat -> (v < V)%nat -> 0 < context_count N x c ->
  is_lim_seq (fun k => softmax V (W k c) v) (p c v).
Proof.
  intros HL c v Hc Hv Hocc. apply is_lim_seq_spec in HL. apply is_lim_seq_spec.
  intros [eps He]. simpl.
  assert (Hn : 0 < 4 * INR N / context_count N x c) by (apply Rdiv_lt_0_compat; lra).
  destruct (HL (mkposreal (eps ^ 2 / (4 * INR N / context_count N x c))
    (Rdiv_lt_0_compat _ _ (pow_lt eps 2 He) Hn))) as [K HK]. simpl in HK.
  exists K. intros k Hk. specialize (HK k Hk). apply Rabs_lt_between in HK.
  assert (B := context_excess (W k) c v Hc Hv Hocc).
  assert (S : (p c v - softmax V (W k c) v) ^ 2 < eps ^ 2).
  { eapply Rle_lt_trans; [exact B|]. apply (Rmult_lt_reg_l (/ (4 * INR N / context_count N x c)));
      [apply Rinv_0_lt_compat; auto|].
    rewrite <- Rmult_assoc, Rinv_l, Rmult_1_l by lra.
    replace (/ (4 * INR N / context_count N x c) * eps ^ 2)
      with (eps * (eps * 1) / (4 * INR N / context_count N x c)) by (field; split; lra). lra. }
  rewrite Rabs_minus_sym. apply Rabs_lt_between. split; nra.
Qed.

End Floor.

(* box: prop-floor
   Covers: the whole statement; Pinsker's inequality is not used: $(p - q)^2 \le 4 D$ for each
     word is enough, and is proved.
   Hypotheses: at least one pair; contexts and words are numbered.
   Cobre: o enunciado inteiro; a desigualdade de Pinsker não é usada: $(p - q)^2 \le 4 D$ para
     cada palavra basta, e está provada.
   Hipóteses: pelo menos um par; contextos e palavras são numerados.
   Mutation: `0 < count N x w c v)` becomes `0 <= count N x w c v)`. *)
Theorem floor N V C x w : (0 < N)%nat ->
  (forall n, (n < N)%nat -> (x n < C)%nat /\ (w n < V)%nat) ->
  let L := table_loss N V x w in
  let F := conditional_entropy V C N x w in
  (* F is the infimum of the loss over all tables. *)
  (forall W, F <= L W) /\ (forall eps, 0 < eps -> exists W, L W < F + eps) /\
  (* Gradient descent with a safe rate comes down to it. *)
  (forall W m eta, (forall c, (c < C)%nat -> context_count N x c <= m) ->
    0 < eta < 4 * INR N / m -> is_lim_seq (fun T => L (trained N V x w eta W T)) F) /\
  (* It is attained exactly if every context is followed by every word. *)
  ((exists W, L W = F) <->
    (forall c v, (c < C)%nat -> (v < V)%nat -> 0 < context_count N x c -> 0 < count N x w c v)) /\
  (* Losses that converge to F mean predictions that converge to the frequencies. *)
  (forall W : nat -> matrix, is_lim_seq (fun k => L (W k)) F ->
    forall c v, (c < C)%nat -> (v < V)%nat -> 0 < context_count N x c ->
    is_lim_seq (fun k => softmax V (W k c) v) (frequency N x w c v)).
Proof.
  intros HN Hxw L F.
  assert (H1 : forall W, F <= L W) by (apply floor_le; auto).
  assert (H2 : forall eps, 0 < eps -> exists W, L W < F + eps) by (apply approached; auto).
  split; [exact H1|split; [exact H2|split; [|split]]].
  - intros W m eta Hm He. apply (safe_rate_comes_down N V C x w m eta F W); auto.
  - apply attained; auto.
  - apply converges; auto.
Qed.

(** * Starts of factored weights *)

Lemma linear_logits_zero D (U : matrix) h : (forall v d, U v d = 0) -> forall v, linear_logits D U h v = 0.
Proof. intros HU v. apply sum_zero. intros. rewrite HU. ring. Qed.

(* box: rem-zero-start, zero gradients
   Covers: that all gradients are zero, for any text.
   Hypotheses: all entries of E and U are zero.
   Cobre: que todos os gradientes são zero, para qualquer texto.
   Hipóteses: todas as entradas de E e U são zero.
   Mutation: `(forall c d, E c d = 0)` becomes `(forall c d, E c d = 1)`. *)
Theorem zeros_teach_nothing N V D x w (U E : matrix) :
  (forall n, (n < N)%nat -> (w n < V)%nat) ->
  (forall v d, U v d = 0) -> (forall c d, E c d = 0) ->
  (forall v d, (v < V)%nat -> (d < D)%nat ->
    is_partial2 (fun U => model_loss N V D x w U E) U v d 0) /\
  (forall c d, (d < D)%nat -> is_partial2 (fun E => model_loss N V D x w U E) E c d 0).
Proof.
  intros Hw HU HE. split.
  - intros v d Hv Hd.
    assert (B := backprop_output_weights N V D w U (fun n => E (x n)) v d Hv Hd Hw).
    cbv zeta in B. rewrite sum_zero in B; [exact B|]. intros. rewrite HE. ring.
  - intros c d Hd. assert (B := backprop_embeddings N V D x w U E c d Hd Hw).
    cbv zeta in B. rewrite sum_zero in B; [exact B|]. intros n _.
    destruct (Nat.eq_dec (x n) c); auto. apply sum_zero. intros. rewrite HU. ring.
Qed.

Section Saddle.

Context (N V C D : nat) (x w : nat -> nat) (c : nat).
Context (HN : (0 < N)%nat) (HD : (0 < D)%nat)
  (Hxw : forall n, (n < N)%nat -> (x n < C)%nat /\ (w n < V)%nat)
  (Hc : 0 < context_count N x c).

(** The frequencies after c, less the uniform prediction. *)
Let p := frequency N x w c.
Let d : vector := fun v => p v - / INR V.

Let HV : (0 < V)%nat. Proof. destruct (Hxw O HN). lia. Qed.
Let HVR : 0 < INR V. Proof. apply lt_0_INR, HV. Qed.
Let Hp : distribution V p. Proof. apply frequency_distribution; [apply Hxw|auto]. Qed.

Let uniform : vector := softmax V (fun _ => 0).

Let uniform_entry v : uniform v = / INR V.
Proof.
  unfold uniform, softmax. rewrite sum_const, exp_0. field. lra.
Qed.

Let sum_d : sum V d = 0.
Proof.
  unfold d. rewrite sum_minus, sum_const. change (Σ v < V, p v) with (sum V p).
  rewrite (distribution_sum V p Hp). field. lra.
Qed.

(** One number of E[c] is s, and the same one of each U[v] is r d[v]. *)
Let E_ (s : R) : matrix := fun k j => if Nat.eq_dec k c then s * one_hot 0 j else 0.
Let U_ (r : R) : matrix := fun v j => r * d v * one_hot 0 j.

Let model_logits r s n v : linear_logits D (U_ r) (E_ s (x n)) v = one_hot (x n) c * (r * s * d v).
Proof.
  unfold linear_logits, U_, E_, dot.
  rewrite (sum_ext D _ (fun j => one_hot 0 j * (one_hot (x n) c * (r * s * d v * one_hot 0 j)))).
  - rewrite (sum_one_hot D 0 (fun j => one_hot (x n) c * (r * s * d v * one_hot 0 j))) by auto.
    rewrite one_hot_same. ring.
  - intros j _. unfold one_hot at 4. destruct (Nat.eq_dec (x n) c) as [->|Hne].
    + destruct (Nat.eq_dec c c); [ring|contradiction].
    + destruct (Nat.eq_dec c (x n)); [congruence|ring].
Qed.

(** What this does to the loss. *)
Let change (t : R) : R := ln (mean_exp V uniform (fun v => t * d v)) - t * dot V d d.

Let loss_changes r s : model_loss N V D x w (U_ r) (E_ s)
  = model_loss N V D x w (fun _ _ => 0) (fun _ _ => 0)
    + context_count N x c / INR N * change (r * s).
Proof.
  assert (HNR : 0 < INR N) by (apply lt_0_INR; auto).
  unfold model_loss, logits_mean_loss.
  apply (Rmult_eq_reg_r (INR N)); [|lra]. unfold Rdiv. rewrite Rmult_plus_distr_r.
  rewrite !Rmult_assoc, Rinv_l, !Rmult_1_r by lra.
  replace (/ INR N * (change (r * s) * INR N)) with (change (r * s)) by (field; lra).
  transitivity (Σ n < N, (logits_loss V (fun _ => 0) (w n) + one_hot (x n) c *
    (ln (mean_exp V uniform (fun v => r * s * d v)) - r * s * d (w n)))).
  - apply sum_ext. intros n Hn.
    rewrite (logits_loss_ext V _ (fun v => 0 + one_hot (x n) c * (r * s * d v))); [|apply Hxw; auto|].
    2: { intros v _. rewrite model_logits. ring. }
    unfold logits_loss at 1. rewrite log_sum_exp_moved by exact HV. fold uniform.
    unfold logits_loss. unfold one_hot. destruct (Nat.eq_dec c (x n)).
    + replace (mean_exp V uniform (fun u => 1 * (r * s * d u)))
        with (mean_exp V uniform (fun v => r * s * d v));
        [lra|apply sum_ext; intros; do 2 f_equal; ring].
    + replace (mean_exp V uniform (fun u => 0 * (r * s * d u))) with 1; [rewrite ln_1; lra|].
      unfold mean_exp. rewrite <- (distribution_sum V uniform (softmax_distribution V _ HV)).
      apply sum_ext. intros. rewrite Rmult_0_l, exp_0. ring.
  - rewrite sum_plus. f_equal.
    + apply sum_ext. intros n Hn. apply logits_loss_ext; [apply Hxw; auto|].
      intros v _. symmetry. apply linear_logits_zero. auto.
    + unfold change. rewrite Rmult_minus_distr_l.
      rewrite (sum_ext N _ (fun n =>
        one_hot (x n) c * ln (mean_exp V uniform (fun v => r * s * d v))
        - r * s * (one_hot (x n) c * d (w n)))) by (intros; ring).
      rewrite sum_minus, sum_scal_r, sum_scal_l. f_equal.
      rewrite (sum_ext N _ (fun n => Σ v < V, (one_hot (x n) c * one_hot (w n) v * d v))).
      * rewrite sum_swap.
        replace (context_count N x c * (r * s * dot V d d))
          with (r * s * (context_count N x c * dot V d d)) by ring.
        f_equal. transitivity (Σ v < V, (context_count N x c * (p v * d v))).
        -- apply sum_ext. intros v _. rewrite sum_scal_r. fold (count N x w c v).
           unfold p, frequency. field. lra.
        -- rewrite sum_scal_l. f_equal. transitivity (dot V d d + / INR V * sum V d);
           [|rewrite sum_d; lra].
           unfold dot. rewrite <- sum_scal_l, <- sum_plus. apply sum_ext. intros. unfold d. ring.
      * intros n Hn. symmetry.
        rewrite (sum_ext V _ (fun v => one_hot (w n) v * (one_hot (x n) c * d v))) by (intros; ring).
        apply (sum_one_hot V (w n) (fun v => one_hot (x n) c * d v)). apply Hxw; auto.
Qed.

Context (Hvaries : varies V p).

Let dd_pos : 0 < dot V d d.
Proof.
  destruct (Rle_lt_or_eq_dec 0 (dot V d d) (dot_self_nonneg V d)) as [|E]; auto. exfalso.
  destruct (varies_from V p (/ INR V) Hvaries) as [i [Hi Hne]]. apply Hne.
  assert (Z := dot_self_zero V d (eq_sym E) i Hi). unfold d in Z. lra.
Qed.

Let mean_d : dot V uniform d = 0.
Proof.
  unfold dot. rewrite (sum_ext V _ (fun v => / INR V * d v)).
  - rewrite sum_scal_l. change (Σ v < V, d v) with (sum V d). rewrite sum_d. ring.
  - intros v _. rewrite uniform_entry. ring.
Qed.

Let change_derive : is_derive change 0 (- dot V d d).
Proof.
  assert (M : mean_exp V uniform (fun v => 0 * d v) = 1).
  { rewrite <- (distribution_sum V uniform (softmax_distribution V _ HV)). apply sum_ext.
    intros. rewrite Rmult_0_l, exp_0. ring. }
  unfold change. evar_last.
  - apply (is_derive_minus (fun t => ln (mean_exp V uniform (fun v => t * d v)))).
    + apply (is_derive_comp ln (fun t => mean_exp V uniform (fun v => t * d v))).
      * apply is_derive_ln. rewrite M. lra.
      * apply (is_derive_sum V (fun v t => uniform v * exp (t * d v)) 0 (fun v => uniform v * d v)).
        intros v _. auto_derive; [auto|]. rewrite Rmult_0_l, exp_0. ring.
    + apply is_derive_times. apply @is_derive_id.
  - fold (dot V uniform d). rewrite M, mean_d.
    unfold minus, plus, opp, scal, one; simpl; unfold mult; simpl. field.
Qed.

Let change_0 : change 0 = 0.
Proof.
  unfold change. replace (mean_exp V uniform (fun v => 0 * d v)) with 1; [rewrite ln_1; ring|].
  rewrite <- (distribution_sum V uniform (softmax_distribution V _ HV)). apply sum_ext.
  intros. rewrite Rmult_0_l, exp_0. ring.
Qed.

Let change_negative t : 0 < t -> 0 < change (- t).
Proof.
  intros Ht. unfold change.
  assert (J := mean_exp_ge V (fun _ => 0) (fun v => - t * d v) HV). fold uniform in J.
  assert (E : dot V uniform (fun v => - t * d v) = - t * dot V uniform d).
  { unfold dot. rewrite <- sum_scal_l. apply sum_ext. intros. ring. }
  rewrite E, mean_d in J. assert (Q := dd_pos). nra.
Qed.

Lemma saddle eps : 0 < eps ->
  let near := fun (U E : matrix) => (forall v j, (v < V)%nat -> Rabs (U v j) < eps) /\
                                    (forall k j, Rabs (E k j) < eps) in
  let L := model_loss N V D x w in
  let zero := L (fun _ _ => 0) (fun _ _ => 0) in
  (exists U E, near U E /\ L U E < zero) /\ (exists U E, near U E /\ zero < L U E).
Proof.
  intros He near L zero.
  assert (HNR : 0 < INR N) by (apply lt_0_INR; auto).
  destruct (starts_falling change _ (eps ^ 2) change_derive) as [t [Ht Hf]];
    [assert (Q := dd_pos); lra|apply pow_lt; auto|]. rewrite change_0 in Hf.
  set (s := sqrt t). assert (Hs : 0 < s) by (apply sqrt_lt_R0; lra).
  assert (Hss : s * s = t) by (apply sqrt_sqrt; lra).
  assert (Hse : s < eps) by nra.
  assert (Hone : forall j, Rabs (one_hot 0 j) <= 1).
  { intros j. unfold one_hot. destruct (Nat.eq_dec j 0); [rewrite Rabs_R1; lra|rewrite Rabs_R0; lra]. }
  assert (Hd : forall v, (v < V)%nat -> Rabs (d v) <= 1).
  { intros v Hv. assert (B := distribution_at_most_one V p v Hp Hv).
    assert (0 < / INR V <= 1).
    { split; [apply Rinv_0_lt_compat; auto|]. rewrite <- Rinv_1. apply Rinv_le_contravar; [lra|].
      assert (1 <= INR V); [|lra]. apply (le_INR 1). exact HV. }
    unfold d. apply Rabs_le. lra. }
  assert (Hnear : forall r, Rabs r = s -> near (U_ r) (E_ s)).
  { intros r Hr. split.
    - intros v j Hv. unfold U_. rewrite !Rabs_mult, Hr.
      assert (A1 := Hd v Hv). assert (A2 := Hone j).
      assert (A3 := Rabs_pos (d v)). assert (A4 := Rabs_pos (one_hot 0 j)).
      apply Rle_lt_trans with (s * 1 * 1); [|lra].
      apply Rmult_le_compat; [apply Rmult_le_pos; lra|auto|apply Rmult_le_compat_l; lra|auto].
    - intros k j. unfold E_. destruct (Nat.eq_dec k c); [|rewrite Rabs_R0; auto].
      rewrite Rabs_mult, (Rabs_pos_eq s) by lra.
      assert (A2 := Hone j). nra. }
  assert (Hfactor : 0 < context_count N x c / INR N) by (apply Rdiv_lt_0_compat; auto).
  split.
  - exists (U_ s), (E_ s). split; [apply Hnear, Rabs_pos_eq; lra|].
    unfold L, zero. rewrite loss_changes, Hss. unfold L. nra.
  - exists (U_ (- s)), (E_ s). split; [apply Hnear; rewrite Rabs_Ropp; apply Rabs_pos_eq; lra|].
    unfold L, zero. rewrite loss_changes. replace (- s * s) with (- t) by lra.
    assert (Q := change_negative t ltac:(lra)). unfold L. nra.
Qed.

End Saddle.

(* box: rem-zero-start, a saddle
   Covers: that there are weights as close as one likes with a smaller and with a larger loss.
   Hypotheses: after one context that occurs, not all words are equally frequent; hidden states
     of at least one number.
   Cobre: que há pesos tão próximos quanto se queira com perda menor e com perda maior.
   Hipóteses: depois de um contexto que ocorre, nem todas as palavras são igualmente frequentes;
     estados ocultos de pelo menos um número.
   Mutation: `varies V (frequency N x w c)` becomes `0 <= eps`. *)
Theorem zeros_are_a_saddle N V C D x w c eps : (0 < N)%nat -> (0 < D)%nat ->
  (forall n, (n < N)%nat -> (x n < C)%nat /\ (w n < V)%nat) ->
  (* The words do not all follow c equally often. *)
  0 < context_count N x c -> varies V (frequency N x w c) -> 0 < eps ->
  let near := fun (U E : matrix) => (forall v j, (v < V)%nat -> Rabs (U v j) < eps) /\
                                    (forall k j, Rabs (E k j) < eps) in
  let L := model_loss N V D x w in
  let zero := L (fun _ _ => 0) (fun _ _ => 0) in
  (exists U E, near U E /\ L U E < zero) /\ (exists U E, near U E /\ zero < L U E).
Proof.
  intros. apply (saddle N V C D x w c); auto.
Qed.

(** ** No rate is safe *)

Lemma cosh_grows a b : 0 <= a < b -> exp a + exp (- a) < exp b + exp (- b).
Proof.
  intros H. rewrite !exp_Ropp. assert (A := exp_pos a). assert (B := exp_pos b).
  assert (AB : exp a < exp b) by (apply exp_increasing; lra).
  assert (P : 1 < exp a * exp b) by (rewrite <- exp_plus; apply exp_gt_1; lra).
  assert (E : exp b + / exp b - (exp a + / exp a)
              = (exp b - exp a) * (exp a * exp b - 1) * / (exp a * exp b)) by (field; lra).
  assert (0 < (exp b - exp a) * (exp a * exp b - 1) * / (exp a * exp b)); [|lra].
  apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat; lra|apply Rinv_0_lt_compat; lra].
Qed.

Section NoRate.

Context (N : nat) (w : nat -> nat).
Context (HN : (0 < N)%nat) (Hw : forall n, (n < N)%nat -> (w n < 2)%nat)
  (Hhalf : Σ n < N, one_hot (w n) 0%nat = Σ n < N, one_hot (w n) 1%nat).

Let L := model_loss N 2 1 (fun _ => 0%nat) w.

Let HNR : 0 < INR N. Proof. apply lt_0_INR. auto. Qed.

(** Half of the words are 0, half are 1. *)
Let halves (f : nat -> R) : Σ n < N, f (w n) = INR N * ((f 0%nat + f 1%nat) / 2).
Proof.
  assert (E : Σ n < N, one_hot (w n) 0%nat + Σ n < N, one_hot (w n) 1%nat = INR N).
  { rewrite <- sum_plus, (sum_ext N _ (fun _ => 1)); [rewrite sum_const; ring|].
    intros n Hn. specialize (Hw n Hn). unfold one_hot.
    destruct (Nat.eq_dec 0 (w n)), (Nat.eq_dec 1 (w n)); try lia; ring. }
  transitivity (Σ n < N, (one_hot (w n) 0%nat * f 0%nat + one_hot (w n) 1%nat * f 1%nat)).
  - apply sum_ext. intros n Hn. specialize (Hw n Hn). unfold one_hot.
    destruct (Nat.eq_dec 0 (w n)) as [E0|], (Nat.eq_dec 1 (w n)) as [E1|]; try lia;
      [rewrite <- E0|rewrite <- E1]; ring.
  - rewrite sum_plus, !sum_scal_r. rewrite <- Hhalf in *. nra.
Qed.

(** The loss as a function of the difference of the two logits. *)
Let loss_of_difference (U E : matrix) :
  L U E = ln (2 + exp (U 0%nat 0%nat * E 0%nat 0%nat - U 1%nat 0%nat * E 0%nat 0%nat)
                + exp (- (U 0%nat 0%nat * E 0%nat 0%nat - U 1%nat 0%nat * E 0%nat 0%nat))) / 2.
Proof.
  unfold L, model_loss, logits_mean_loss.
  rewrite (halves (fun v => logits_loss 2 (linear_logits 1 U (E 0%nat)) v)).
  unfold logits_loss, log_sum_exp, linear_logits, dot. simpl. rewrite !Rplus_0_l.
  set (a := U 0%nat 0%nat * E 0%nat 0%nat). set (b := U 1%nat 0%nat * E 0%nat 0%nat).
  assert (A := exp_pos a). assert (B := exp_pos b).
  assert (S : ln (2 + exp (a - b) + exp (- (a - b))) = 2 * ln (exp a + exp b) - a - b).
  { replace (2 + exp (a - b) + exp (- (a - b)))
      with ((exp a + exp b) * (exp a + exp b) * exp (- a) * exp (- b)).
    - rewrite !ln_mult, !ln_exp by (auto using exp_pos; try lra;
        repeat apply Rmult_lt_0_compat; try apply exp_pos; lra). ring.
    - unfold Rminus. rewrite Ropp_plus_distr, Ropp_involutive, !exp_plus, !exp_Ropp. field. lra. }
  rewrite S. field. lra.
Qed.

Lemma step_raises eta : 0 < eta -> exists U E : matrix, forall GU GE : matrix,
  (forall v, (v < 2)%nat -> is_partial2 (fun U => L U E) U v 0 (GU v 0%nat)) ->
  is_partial2 (fun E => L U E) E 0 0 (GE 0%nat 0%nat) ->
  L U E < L (fun v j => U v j - eta * GU v j) (fun c j => E c j - eta * GE c j).
Proof.
  intros He.
  set (a := 4 / sqrt eta). set (d := / (1 + eta)). set (u := d / (2 * a)).
  assert (Hsq : 0 < sqrt eta) by (apply sqrt_lt_R0; auto).
  assert (Ha : 0 < a) by (apply Rdiv_lt_0_compat; lra).
  assert (Haa : eta * (a * a) = 16).
  { unfold a. rewrite <- (sqrt_sqrt eta) at 1 by lra. field. lra. }
  assert (Hd : 0 < d < 1).
  { unfold d. split; [apply Rinv_0_lt_compat; lra|].
    rewrite <- Rinv_1. apply Rinv_lt_contravar; lra. }
  assert (Hed : eta * d < 1).
  { unfold d. apply (Rmult_lt_reg_r (1 + eta)); [lra|]. rewrite Rmult_assoc, Rinv_l; lra. }
  assert (Hau : 2 * a * u = d) by (unfold u; field; lra).
  (* The derivative of the loss in the difference of the logits. *)
  set (r := / 2 - / (1 + exp d)).
  assert (Ed := exp_pos d). assert (T1 := exp_ineq1_le d). assert (T2 := exp_ineq1_le (- d)).
  rewrite exp_Ropp in T2.
  assert (Hr1 : d < 6 * r).
  { assert (/ (1 + exp d) <= / (2 + d)) by (apply Rinv_le_contravar; lra).
    assert (/ (2 + d) = / 2 - d / (2 * (2 + d))) by (field; lra).
    assert (d < 6 * (d / (2 * (2 + d)))); [|unfold r; lra].
    apply (Rmult_lt_reg_r (2 + d)); [lra|].
    replace (6 * (d / (2 * (2 + d))) * (2 + d)) with (3 * d) by (field; lra). nra. }
  assert (Hr2 : 2 * r <= d).
  { assert (2 * r = (exp d - 1) / (1 + exp d)) by (unfold r; field; lra).
    rewrite H. apply (Rmult_le_reg_r (1 + exp d)); [lra|].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
    apply (Rmult_le_compat_r (exp d)) in T2; [|lra]. rewrite Rinv_l in T2 by lra. nra. }
  set (U := fun v _ : nat => if Nat.eq_dec v 0 then u else - u).
  set (E := fun _ _ : nat => a).
  exists U, E. intros GU GE HU HE.
  (* The gradients, by the rows of backprop. *)
  assert (S0 : softmax 2 (linear_logits 1 U (E 0%nat)) 0 = / 2 + r).
  { unfold softmax, linear_logits, dot, U, E, r. simpl. rewrite !Rplus_0_l.
    replace (u * a) with (d / 2) by lra. replace (- u * a) with (- (d / 2)) by lra.
    rewrite exp_Ropp. replace d with (d / 2 + d / 2) at 4 by lra. rewrite exp_plus.
    assert (P := exp_pos (d / 2)). field. split; nra. }
  assert (S1 : softmax 2 (linear_logits 1 U (E 0%nat)) 1 = / 2 - r).
  { assert (Q := softmax_sum 2 (linear_logits 1 U (E 0%nat)) ltac:(lia)). simpl in Q. lra. }
  assert (G : forall v, (v < 2)%nat ->
    Σ n < N, mean_error N 2 w (fun _ => linear_logits 1 U (E 0%nat)) n v
    = softmax 2 (linear_logits 1 U (E 0%nat)) v - / 2).
  { intros v Hv. unfold mean_error.
    rewrite (halves (fun k => (softmax 2 (linear_logits 1 U (E 0%nat)) v - one_hot k v) / INR N)).
    assert (one_hot 0 v + one_hot 1 v = 1) by
      (unfold one_hot; destruct (Nat.eq_dec v 0), (Nat.eq_dec v 1); try lia; ring).
    replace (one_hot 1 v) with (1 - one_hot 0 v) by lra. field. lra. }
  assert (GU0 : GU 0%nat 0%nat = a * r).
  { specialize (HU 0%nat ltac:(lia)). apply is_derive_unique in HU. rewrite <- HU.
    apply is_derive_unique.
    assert (B := backprop_output_weights N 2 1 w U (fun _ => E 0%nat) 0 0 ltac:(lia) ltac:(lia) Hw).
    cbv beta zeta in B. rewrite sum_scal_r, G, S0 in B by lia. unfold is_partial2 in B.
    replace (a * r) with ((/ 2 + r - / 2) * E 0%nat 0%nat) by (unfold E; ring). exact B. }
  assert (GU1 : GU 1%nat 0%nat = - (a * r)).
  { specialize (HU 1%nat ltac:(lia)). apply is_derive_unique in HU. rewrite <- HU.
    apply is_derive_unique.
    assert (B := backprop_output_weights N 2 1 w U (fun _ => E 0%nat) 1 0 ltac:(lia) ltac:(lia) Hw).
    cbv beta zeta in B. rewrite sum_scal_r, G, S1 in B by lia. unfold is_partial2 in B.
    replace (- (a * r)) with ((/ 2 - r - / 2) * E 0%nat 0%nat) by (unfold E; ring). exact B. }
  assert (GE0 : GE 0%nat 0%nat = 2 * u * r).
  { apply is_derive_unique in HE. rewrite <- HE. apply is_derive_unique.
    assert (B := backprop_embeddings N 2 1 (fun _ => 0%nat) w U E 0 0 ltac:(lia) Hw).
    cbv beta zeta in B.
    rewrite (sum_ext N _ (fun n => Σ v < 2, (U v 0%nat *
      mean_error N 2 w (fun _ => linear_logits 1 U (E 0%nat)) n v))) in B by reflexivity.
    rewrite sum_swap in B. simpl sum in B at 1.
    rewrite !sum_scal_l, !G, S0, S1 in B by lia. unfold is_partial2 in B.
    replace (2 * u * r) with (0 + U 0%nat 0%nat * (/ 2 + r - / 2) + U 1%nat 0%nat * (/ 2 - r - / 2))
      by (unfold U; simpl; ring). exact B. }
  (* The difference of the logits, before and after. *)
  rewrite !loss_of_difference. unfold Rdiv.
  apply Rmult_lt_compat_r; [lra|]. rewrite GU0, GU1, GE0. unfold U, E. simpl.
  set (d' := (u - eta * (a * r)) * (a - eta * (2 * u * r))
             - (- u - eta * - (a * r)) * (a - eta * (2 * u * r))).
  replace (u * a - - u * a) with d by lra.
  assert (Hd' : d' < - d).
  { assert (E1 : d' = d + 2 * (eta * r) * (eta * r) * d - 2 * r * (eta * (a * a))
                      - 4 * (eta * r) * (u * u)).
    { unfold d'. rewrite <- Hau. ring. }
    rewrite Haa in E1.
    assert (0 < eta * r) by (apply Rmult_lt_0_compat; lra).
    assert (eta * r < / 2) by nra.
    assert ((eta * r) * (eta * r) < / 2) by nra.
    assert (0 <= u * u) by apply Rle_0_sqr.
    nra. }
  apply ln_increasing; [assert (Q := exp_pos (- d)); lra|].
  assert (C := cosh_grows d (- d') ltac:(lra)). rewrite Ropp_involutive in C. lra.
Qed.

End NoRate.

(* box: prop-no-rate
   Covers: the whole statement, for a text of any length.
   Hypotheses: one context, two words that follow equally often, hidden states of one number; GU
     and GE are the partial derivatives.
   Cobre: o enunciado inteiro, para um texto de qualquer comprimento.
   Hipóteses: um contexto, duas palavras que seguem com igual frequência, estados ocultos de um
     número; GU e GE são as derivadas parciais.
   Mutation: `exists U E :` becomes `forall U E :`. *)
Theorem no_safe_rate N w eta : (0 < N)%nat ->
  (* One context, the number 0, and two words; each word follows equally often. *)
  (forall n, (n < N)%nat -> (w n < 2)%nat) ->
  Σ n < N, one_hot (w n) 0%nat = Σ n < N, one_hot (w n) 1%nat ->
  let L := model_loss N 2 1 (fun _ => 0%nat) w in
  0 < eta -> exists U E : matrix, forall GU GE : matrix,
    (forall v, (v < 2)%nat -> is_partial2 (fun U => L U E) U v 0 (GU v 0%nat)) ->
    is_partial2 (fun E => L U E) E 0 0 (GE 0%nat 0%nat) ->
    L U E < L (fun v j => U v j - eta * GU v j) (fun c j => E c j - eta * GE c j).
Proof.
  intros. apply step_raises; auto.
Qed.
