(** Chapter 5: the derivative of the loss. *)

From NWP Require Import definitions loss convexity sums.

(** * In the probabilities *)

(** The loss as a function of numbers that move independently of each other. *)
Definition log_loss (w : nat) (p : vector) : R := - ln (p w).

(* box: lem-2-1 *)
Theorem derivative_in_probabilities w y : 0 < y w ->
  is_partial (log_loss w) y w (- (1 / y w)) /\
  (forall i, i <> w -> is_partial (log_loss w) y i 0).
Proof.
  intros Hy. unfold is_partial, log_loss. split.
  - evar_last.
    + apply (is_derive_opp (fun x => ln (replaced y w x w))).
      apply (is_derive_comp ln (fun x => replaced y w x w)).
      * apply is_derive_ln. rewrite replaced_same. exact Hy.
      * apply is_derive_replaced_at.
    + rewrite replaced_same, one_hot_same.
      unfold opp, scal; simpl; unfold mult; simpl. field. lra.
  - (* The entry i does not occur: the function is constant. *)
    intros i Hi. apply is_derive_ext with (fun _ => - ln (y w)); [|apply @is_derive_const].
    intros x. unfold replaced. destruct (Nat.eq_dec w i); [congruence|reflexivity].
Qed.

(* box: cex-raw-step *)
Theorem raw_step V y w eta : distribution V y -> (w < V)%nat -> 0 < y w ->
  let y' := replaced y w (y w + eta * (1 / y w)) in
  sum V y' = 1 + eta / y w /\ (0 < eta -> ~ distribution V y').
Proof.
  intros HD Hw Hy y'.
  assert (E : sum V y' = 1 + eta / y w).
  { rewrite <- (distribution_sum V y HD), (sum_others V w y), (sum_others V w y') by auto.
    rewrite (others_ext V w y' y).
    - unfold y'. unfold replaced. destruct (Nat.eq_dec w w); [field; lra|contradiction].
    - intros i _ Hi. unfold y', replaced. destruct (Nat.eq_dec i w); [contradiction|reflexivity]. }
  split; [exact E|]. intros He H. apply distribution_sum in H.
  assert (0 < eta / y w) by (apply Rdiv_lt_0_compat; auto). lra.
Qed.

(** (0.05, 0.10, 0.05, 0.80), the full stop being the word 3. *)
Definition raw_prediction : vector := fun i => 
  match i with 0%nat => 5 / 100 | 1%nat => 10 / 100 | 2%nat => 5 / 100 | _ => 80 / 100 end.

(* box: cex-raw-step, its numbers *)
Theorem raw_step_numbers :
  let y' := replaced raw_prediction 3 (raw_prediction 3%nat + 1 / 10 * (1 / raw_prediction 3%nat)) in
  distribution 4 raw_prediction /\
  y' 0%nat = 5 / 100 /\ y' 1%nat = 10 / 100 /\ y' 2%nat = 5 / 100 /\ y' 3%nat = 925 / 1000 /\
  sum 4 y' = 1125 / 1000.
Proof.
  unfold distribution, replaced, raw_prediction. simpl.
  repeat split; try lra. intros i _. destruct i as [|[|[|i]]]; lra.
Qed.

(** * Gradients, and continuations of the loss *)

(** g is the gradient of F at p, in V independent entries. *)
Definition is_gradient (V : nat) (F : vector -> R) (p g : vector) : Prop :=
  forall eps, 0 < eps -> exists delta, 0 < delta /\
    forall q, (forall i, (i < V)%nat -> Rabs (q i - p i) < delta) ->
      Rabs (F q - F p - dot V g (fun i => q i - p i)) <= eps * Σ i < V, Rabs (q i - p i).

(** F continues the loss around y: it is - log p[w] at the distributions p near y. *)
Definition continues (V : nat) (F : vector -> R) (y : vector) (w : nat) : Prop :=
  exists r, 0 < r /\ forall q, distribution V q ->
    (forall i, (i < V)%nat -> Rabs (q i - y i) < r) -> F q = log_loss w q.

(** Two gradients: the difference of the functions has the difference of the gradients. *)
Lemma is_gradient_minus V F G p g h : is_gradient V F p g -> is_gradient V G p h ->
  is_gradient V (fun q => F q - G q) p (fun i => g i - h i).
Proof.
  intros HF HG eps He.
  destruct (HF (eps / 2) ltac:(lra)) as [r [Hr HF']].
  destruct (HG (eps / 2) ltac:(lra)) as [s [Hs HG']].
  exists (Rmin r s). split; [apply Rmin_glb_lt; auto|]. intros q Hq.
  specialize (HF' q ltac:(intros i Hi; specialize (Hq i Hi); assert (M := Rmin_l r s); lra)).
  specialize (HG' q ltac:(intros i Hi; specialize (Hq i Hi); assert (M := Rmin_r r s); lra)).
  assert (E : dot V (fun i => g i - h i) (fun i => q i - p i)
              = dot V g (fun i => q i - p i) - dot V h (fun i => q i - p i)).
  { unfold dot. rewrite <- sum_minus. apply sum_ext. intros. ring. }
  rewrite E. apply Rabs_le_between in HF'. apply Rabs_le_between in HG'.
  apply Rabs_le_between. lra.
Qed.

(** The gradient of - log p[w], written as a slope in one entry. *)
Lemma is_gradient_log_loss V y w : (w < V)%nat -> 0 < y w ->
  is_gradient V (log_loss w) y (fun i => - one_hot w i / y w).
Proof.
  intros Hw Hy eps He.
  assert (D : is_derive (fun x => - ln x) (y w) (- (1 / y w))).
  { auto_derive; [auto|field; lra]. }
  apply is_derive_Reals in D. destruct (D eps He) as [[d Hd] HD]. simpl in HD.
  exists d. split; [auto|]. intros q Hq. unfold log_loss.
  assert (E : dot V (fun i => - one_hot w i / y w) (fun i => q i - y i) = - (1 / y w) * (q w - y w)).
  { unfold dot. rewrite (sum_ext V _ (fun i => one_hot w i * (- (1 / y w) * (q i - y i)))).
    - apply (sum_one_hot V w (fun i => - (1 / y w) * (q i - y i))). auto.
    - intros. field. lra. }
  rewrite E. apply Rle_trans with (eps * Rabs (q w - y w)).
  - destruct (Req_dec (q w) (y w)) as [->|Hne].
    + rewrite !Rminus_diag_eq, Rabs_R0 by ring. lra.
    + specialize (HD (q w - y w) ltac:(lra) (Hq w Hw)).
      replace (y w + (q w - y w)) with (q w) in HD by ring.
      assert (Ha : 0 < Rabs (q w - y w)) by (apply Rabs_pos_lt; lra).
      apply (Rmult_lt_compat_r _ _ _ Ha) in HD. rewrite <- Rabs_mult in HD. left.
      replace (- ln (q w) - - ln (y w) - - (1 / y w) * (q w - y w))
        with (((- ln (q w) - - ln (y w)) / (q w - y w) - - (1 / y w)) * (q w - y w))
        by (field; lra). exact HD.
  - apply Rmult_le_compat_l; [lra|].
    apply (one_term_le V w (fun i => Rabs (q i - y i))); auto. intros. apply Rabs_pos.
Qed.

(** A function that is 0 at the distributions near y has slope 0 towards every word. *)
Lemma slope_zero V F y g i : distribution V y -> (i < V)%nat -> is_gradient V F y g ->
  (exists r, 0 < r /\ forall q, distribution V q ->
    (forall i, (i < V)%nat -> Rabs (q i - y i) < r) -> F q = 0) ->
  dot V g (fun j => one_hot i j - y j) = 0.
Proof.
  intros HD Hi HG [r [Hr HF]]. set (a := dot V g (fun j => one_hot i j - y j)).
  assert (Hone := one_hot_distribution V i Hi).
  assert (Hle : forall j, (j < V)%nat -> Rabs (one_hot i j - y j) <= 1).
  { intros j Hj. assert (A := distribution_at_most_one V _ j Hone Hj).
    assert (B := distribution_at_most_one V y j HD Hj). apply Rabs_le. lra. }
  assert (HV : 0 < INR V) by (apply lt_0_INR; lia).
  (* Otherwise a short walk towards the word i would change F. *)
  destruct (Req_dec a 0) as [|Hne]; [auto|exfalso].
  assert (Ha : 0 < Rabs a) by (apply Rabs_pos_lt; auto).
  destruct (HG (Rabs a / (2 * INR V))) as [d [Hd HG']]; [apply Rdiv_lt_0_compat; lra|].
  set (s := Rmin 1 (Rmin r d) / 2).
  assert (Hs : 0 < s /\ s < 1 /\ s < r /\ s < d).
  { assert (0 < Rmin 1 (Rmin r d)) by (repeat apply Rmin_glb_lt; lra).
    assert (M1 := Rmin_l 1 (Rmin r d)). assert (M2 := Rmin_r 1 (Rmin r d)).
    assert (M3 := Rmin_l r d). assert (M4 := Rmin_r r d). unfold s. lra. }
  set (q := mix s (one_hot i) y).
  assert (Hq : forall j, q j - y j = s * (one_hot i j - y j)) by (intros; unfold q, mix; ring).
  assert (Hclose : forall j, (j < V)%nat -> Rabs (q j - y j) <= s).
  { intros j Hj. rewrite Hq, Rabs_mult, (Rabs_pos_eq s) by lra. specialize (Hle j Hj). nra. }
  assert (HQ : distribution V q) by (apply mix_distribution; auto; lra).
  specialize (HG' q ltac:(intros j Hj; specialize (Hclose j Hj); lra)).
  rewrite (HF q), (HF y) in HG'; auto.
  2: { intros j _. rewrite Rminus_diag_eq, Rabs_R0 by auto. lra. }
  2: { intros j Hj. specialize (Hclose j Hj). lra. }
  assert (E : dot V g (fun j => q j - y j) = s * a).
  { unfold a, dot. rewrite <- sum_scal_l. apply sum_ext. intros j _. rewrite Hq. ring. }
  assert (S : Σ j < V, Rabs (q j - y j) <= INR V * s).
  { rewrite <- sum_const. apply sum_le. auto. }
  rewrite E in HG'. replace (0 - 0 - s * a) with (s * - a) in HG' by ring.
  rewrite Rabs_mult, Rabs_Ropp, (Rabs_pos_eq s) in HG' by lra.
  apply (Rmult_le_compat_l (Rabs a / (2 * INR V))) in S; [|left; apply Rdiv_lt_0_compat; lra].
  replace (Rabs a / (2 * INR V) * (INR V * s)) with (s * Rabs a / 2) in S by (field; lra).
  assert (0 < s * Rabs a) by (apply Rmult_lt_0_compat; lra). lra.
Qed.

(* box: prop-continuation, part 1 *)
Theorem gradient_up_to_a_constant V F y w g : distribution V y -> (w < V)%nat -> 0 < y w ->
  continues V F y w -> is_gradient V F y g ->
  (exists c, forall i, (i < V)%nat -> g i = - one_hot w i / y w + c) /\
  (forall d, sum V d = 0 -> dot V g d = - d w / y w).
Proof.
  intros HD Hw Hy [r [Hr HF]] HG.
  set (h := fun i => g i - - one_hot w i / y w).
  assert (H : forall i, (i < V)%nat -> dot V h (fun j => one_hot i j - y j) = 0).
  { intros i Hi. apply (slope_zero V (fun q => F q - log_loss w q) y); auto.
    - apply is_gradient_minus; auto. apply is_gradient_log_loss; auto.
    - exists r. split; auto. intros q HQ Hq. rewrite HF by auto. ring. }
  assert (Hc : forall i, (i < V)%nat -> g i = - one_hot w i / y w + dot V h y).
  { intros i Hi. specialize (H i Hi). unfold dot in H.
    rewrite (sum_ext V _ (fun j => one_hot i j * h j - h j * y j)) in H by (intros; ring).
    rewrite sum_minus, sum_one_hot in H by auto. unfold h at 1 in H.
    change (Σ j < V, h j * y j) with (dot V h y) in H. lra. }
  split; [exists (dot V h y); exact Hc|]. intros d Hd. unfold dot.
  rewrite (sum_ext V _ (fun i => one_hot w i * (- d i / y w) + dot V h y * d i)).
  - rewrite sum_plus, sum_scal_l, Hd, (sum_one_hot V w (fun i => - d i / y w)) by auto. ring.
  - intros i Hi. rewrite Hc by auto. field. lra.
Qed.

(* box: prop-continuation, part 2 *)
Theorem every_constant_occurs V y w c : distribution V y -> (w < V)%nat -> 0 < y w ->
  let F := fun p => log_loss w p + c * (sum V p - 1) in
  continues V F y w /\ is_gradient V F y (fun i => - one_hot w i / y w + c).
Proof.
  intros HD Hw Hy F. split.
  - exists 1. split; [lra|]. intros q HQ _. unfold F. rewrite (distribution_sum V q HQ). ring.
  - intros eps He. destruct (is_gradient_log_loss V y w Hw Hy eps He) as [d [Hd H]].
    exists d. split; auto. intros q Hq. specialize (H q Hq).
    replace (F q - F y - dot V (fun i => - one_hot w i / y w + c) (fun i => q i - y i))
      with (log_loss w q - log_loss w y - dot V (fun i => - one_hot w i / y w) (fun i => q i - y i));
      [exact H|].
    assert (E : dot V (fun i => - one_hot w i / y w + c) (fun i => q i - y i)
                = dot V (fun i => - one_hot w i / y w) (fun i => q i - y i)
                  + c * (sum V q - sum V y)).
    { unfold dot. rewrite <- sum_minus, <- sum_scal_l, <- sum_plus. apply sum_ext. intros. ring. }
    rewrite E. unfold F. ring.
Qed.

(** * On the simplex *)

(** A tangent direction of the simplex: its entries sum to 0. *)
Definition tangent (V : nat) (d : vector) : Prop := sum V d = 0.

(** P v, the projection of v to the tangent directions. *)
Definition projection (V : nat) (v : vector) : vector := fun i => v i - / INR V * sum V v.

Lemma projection_tangent V v : (0 < V)%nat -> tangent V (projection V v).
Proof.
  intros HV. assert (0 < INR V) by (apply lt_0_INR; auto).
  unfold tangent, projection. rewrite sum_minus, sum_const.
  change (sum V v - INR V * (/ INR V * sum V v) = 0). field. lra.
Qed.

(** v - P v is a multiple of the ones, at right angles to every tangent direction. *)
Lemma projection_dot V v d : tangent V d -> dot V (projection V v) d = dot V v d.
Proof.
  intros Hd. unfold dot, projection.
  rewrite (sum_ext V _ (fun i => v i * d i - / INR V * sum V v * d i)) by (intros; ring).
  rewrite sum_minus, sum_scal_l. change (Σ i < V, d i) with (sum V d). rewrite Hd. ring.
Qed.

(* box: def-tangent *)
Theorem projection_is_nearest V v : (0 < V)%nat ->
  tangent V (projection V v) /\
  forall d, tangent V d ->
    square V (fun i => v i - projection V v i) <= square V (fun i => v i - d i) /\
    (square V (fun i => v i - projection V v i) = square V (fun i => v i - d i) ->
     same V d (projection V v)).
Proof.
  intros HV. assert (T := projection_tangent V v HV). split; [exact T|]. intros d Hd.
  set (p := projection V v) in *.
  (* Pythagoras: v - d is v - P v and P v - d, at right angles. *)
  assert (E : square V (fun i => v i - d i)
              = square V (fun i => v i - p i) + square V (fun i => p i - d i)).
  { assert (R : dot V (fun i => v i - p i) (fun i => p i - d i) = 0).
    { assert (Td : tangent V (fun i => p i - d i)).
      { unfold tangent. rewrite sum_minus. unfold tangent in *.
        change (sum V p - sum V d = 0). lra. }
      assert (A := projection_dot V v _ Td). fold p in A.
      transitivity (dot V v (fun i => p i - d i) - dot V p (fun i => p i - d i)); [|lra].
      unfold dot. rewrite <- sum_minus. apply sum_ext. intros. ring. }
    transitivity (square V (fun i => v i - p i) + square V (fun i => p i - d i)
                  + 2 * dot V (fun i => v i - p i) (fun i => p i - d i)); [|rewrite R; ring].
    unfold square, dot. rewrite <- sum_scal_l, <- !sum_plus. apply sum_ext. intros. ring. }
  assert (N := square_nonneg V (fun i => p i - d i)).
  rewrite E. split; [lra|]. intros H i Hi.
  assert (Z := dot_self_zero V (fun i => p i - d i)). cbv beta in Z.
  specialize (Z ltac:(unfold dot; unfold square in *; lra) i Hi). lra.
Qed.

(** The length of a vector. *)
Definition norm (V : nat) (v : vector) : R := sqrt (square V v).

(** The gradient of lem-2-1. *)
Definition log_loss_gradient (y : vector) (w : nat) : vector := fun i => - one_hot w i / y w.

Lemma projected_gradient V y w i : (w < V)%nat ->
  projection V (log_loss_gradient y w) i = - / y w * (one_hot w i - / INR V).
Proof.
  intros Hw. unfold projection, log_loss_gradient.
  assert (E : Σ j < V, (- one_hot w j / y w) = - / y w).
  { rewrite (sum_ext V _ (fun j => one_hot w j * (- / y w))) by (intros; unfold Rdiv; ring).
    apply (sum_one_hot V w (fun _ => - / y w)). auto. }
  rewrite E. unfold Rdiv. ring.
Qed.

Lemma projected_gradient_square V y w : (w < V)%nat -> 0 < y w ->
  square V (projection V (log_loss_gradient y w)) = (1 - / INR V) * / (y w * y w).
Proof.
  intros Hw Hy. assert (HV : 0 < INR V) by (apply lt_0_INR; lia).
  transitivity (/ (y w * y w) * Σ i < V, ((one_hot w i - / INR V) * (one_hot w i - / INR V))).
  - unfold square. rewrite <- sum_scal_l. apply sum_ext. intros i _.
    rewrite projected_gradient by auto. field. lra.
  - rewrite Rmult_comm. f_equal.
    rewrite (sum_ext V _ (fun i => one_hot w i * (one_hot w i - 2 * / INR V) + / INR V * / INR V))
      by (intros; ring).
    rewrite sum_plus, (sum_one_hot V w (fun i => one_hot w i - 2 * / INR V)), sum_const by auto.
    rewrite one_hot_same. field. lra.
Qed.

(* box: prop-steepest, part 1 *)
Theorem steepest_descent V y w : (2 <= V)%nat -> (w < V)%nat -> 0 < y w ->
  let g := log_loss_gradient y w in
  let Pg := projection V g in
  let steepest := fun i => - Pg i / norm V Pg in
  norm V Pg = sqrt (1 - 1 / INR V) / y w /\
  (* Along it, a tangent direction of length 1, the rate of change is - |P g|. *)
  (tangent V steepest /\ norm V steepest = 1 /\ dot V g steepest = - norm V Pg) /\
  (* Along every other tangent direction of length 1 the loss falls less fast. *)
  (forall d, tangent V d -> norm V d = 1 ->
    - norm V Pg <= dot V g d /\ (dot V g d = - norm V Pg -> same V d steepest)).
Proof.
  intros HV Hw Hy g Pg steepest.
  assert (HN : 2 <= INR V) by (apply (le_INR 2); auto).
  assert (Hf : 0 < 1 - / INR V).
  { assert (/ INR V <= / 2) by (apply Rinv_le_contravar; lra). lra. }
  assert (E : norm V Pg = sqrt (1 - 1 / INR V) / y w).
  { unfold norm, Pg, g. rewrite projected_gradient_square by auto.
    rewrite sqrt_mult_alt by lra. rewrite Rinv_mult, sqrt_square.
    - unfold Rdiv. rewrite Rmult_1_l. reflexivity.
    - left. apply Rinv_0_lt_compat. auto. }
  assert (Hn : 0 < norm V Pg).
  { rewrite E. apply Rdiv_lt_0_compat; auto. apply sqrt_lt_R0. unfold Rdiv. lra. }
  assert (Hsq : dot V Pg Pg = norm V Pg * norm V Pg).
  { unfold norm. rewrite sqrt_sqrt by apply square_nonneg. reflexivity. }
  assert (TP : sum V Pg = 0) by (apply (projection_tangent V g); lia).
  assert (T : tangent V steepest).
  { unfold tangent, steepest. rewrite (sum_ext V _ (fun i => - / norm V Pg * Pg i))
      by (intros; unfold Rdiv; ring).
    rewrite sum_scal_l. change (- / norm V Pg * sum V Pg = 0).
    rewrite TP. ring. }
  assert (U : dot V steepest steepest = 1).
  { transitivity (/ norm V Pg * / norm V Pg * dot V Pg Pg).
    - unfold dot. rewrite <- sum_scal_l. apply sum_ext. intros. unfold steepest, Rdiv. ring.
    - rewrite Hsq. field. lra. }
  assert (G : forall d, tangent V d -> dot V g d = - norm V Pg * dot V steepest d).
  { intros d Hd. rewrite <- (projection_dot V g d Hd). fold Pg.
    unfold dot. rewrite <- sum_scal_l. apply sum_ext. intros. unfold steepest. field. lra. }
  split; [exact E|split].
  - split; [exact T|split].
    + unfold norm. change (sqrt (dot V steepest steepest) = 1). rewrite U. apply sqrt_1.
    + rewrite G, U by auto. ring.
  - intros d Hd Hd1.
    assert (Ud : dot V d d = 1).
    { change (square V d = 1). unfold norm in Hd1.
      rewrite <- (sqrt_sqrt (square V d)) by apply square_nonneg. rewrite Hd1. ring. }
    assert (Um : dot V (fun i => - d i) (fun i => - d i) = 1).
    { rewrite <- Ud. apply sum_ext. intros. ring. }
    assert (Em : dot V steepest (fun i => - d i) = - dot V steepest d).
    { unfold dot. rewrite <- sum_opp. apply sum_ext. intros. ring. }
    assert (B := unit_dot_ge V steepest (fun i => - d i) U Um). rewrite Em in B.
    rewrite G by auto. split; [nra|]. intros H i Hi.
    assert (dot V steepest d = 1) by (apply (Rmult_eq_reg_l (- norm V Pg)); lra).
    assert (Q := unit_dot_eq V steepest (fun i => - d i) U Um ltac:(lra) i Hi). lra.
Qed.

(* box: prop-steepest, part 2 *)
Theorem projected_step V y w eta : distribution V y -> (2 <= V)%nat -> (w < V)%nat -> 0 < y w ->
  0 < eta ->
  let y' := fun i => y i - eta * projection V (log_loss_gradient y w) i in
  (forall i, y' i = y i + eta / y w * (one_hot w i - 1 / INR V)) /\
  (* eta is at most |V| y[w] times the smallest of the other probabilities. *)
  (distribution V y' <-> forall i, (i < V)%nat -> i <> w -> eta <= INR V * y w * y i).
Proof.
  intros HD HV Hw Hy He y'.
  assert (HN : 2 <= INR V) by (apply (le_INR 2); auto).
  assert (E : forall i, y' i = y i + eta / y w * (one_hot w i - 1 / INR V)).
  { intros i. unfold y'. rewrite projected_gradient by auto. field. lra. }
  split; [exact E|].
  assert (S : sum V y' = 1).
  { unfold y'. rewrite sum_minus, sum_scal_l.
    change (sum V y - eta * sum V (projection V (log_loss_gradient y w)) = 1).
    assert (T := projection_tangent V (log_loss_gradient y w) ltac:(lia)). unfold tangent in T.
    rewrite T, (distribution_sum V y HD). ring. }
  (* An entry of another word, times |V| y[w]. *)
  assert (O : forall i, i <> w -> y' i * (INR V * y w) = INR V * y w * y i - eta).
  { intros i Hi. rewrite E, one_hot_other by auto. field. lra. }
  assert (HP : 0 < INR V * y w) by (apply Rmult_lt_0_compat; lra).
  split.
  - intros [H _] i Hi Hiw. specialize (H i Hi). specialize (O i Hiw). nra.
  - intros H. split; [|exact S]. intros i Hi. destruct (Nat.eq_dec i w) as [->|Hiw].
    + rewrite E, one_hot_same. assert (0 < eta / y w) by (apply Rdiv_lt_0_compat; auto).
      assert (0 <= 1 - 1 / INR V); [|nra].
      assert (/ INR V <= / 2) by (apply Rinv_le_contravar; lra). unfold Rdiv. lra.
    + specialize (H i Hi Hiw). specialize (O i Hiw).
      apply (Rmult_le_reg_r (INR V * y w)); auto. lra.
Qed.
