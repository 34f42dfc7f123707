(** Chapter 5: the derivative of the loss. *)

From NWP Require Import definitions loss convexity sums.

(** * In the probabilities *)

(** The loss as a function of numbers that move independently of each other. *)
Definition log_loss (w : nat) (p : vector) : R := - ln (p w).

(* box: lem-2-1
   Covers: the whole statement.
   Hypotheses: the probability of the right word is positive; all entries move independently.
   Cobre: o enunciado inteiro.
   Hipóteses: a probabilidade da palavra correta é positiva; todas as entradas se movem de forma
     independente.
   Mutation: `(- (1 / y w))` becomes `(1 / y w)`. *)
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

(* box: cex-raw-step, in general
   Covers: that a step adds $\eta / \hat y[w]$ to the sum and ends in no distribution.
   Hypotheses: a distribution with $\hat y[w] > 0$.
   Cobre: que um passo soma $\eta / \hat y[w]$ ao total e não termina em distribuição alguma.
   Hipóteses: uma distribuição com $\hat y[w] > 0$.
   Mutation: `(0 < eta -> ~` becomes `(0 <= eta -> ~`. *)
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

(* box: cex-raw-step, the numbers
   Covers: the numbers.
   Hypotheses: none.
   Cobre: os números.
   Hipóteses: nenhuma.
   Mutation: `1125 / 1000` becomes `1 / 1`. *)
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

(* box: prop-continuation, up to a constant
   Covers: the gradient up to a constant, and the rate of change along tangent directions.
   Hypotheses: a distribution with $\hat y[w] > 0$; F is the loss at the distributions near it,
     and differentiable there.
   Cobre: o gradiente a menos de uma constante, e a taxa de variação ao longo das direções
     tangentes.
   Hipóteses: uma distribuição com $\hat y[w] > 0$; F é a perda nas distribuições próximas, e
     diferenciável ali.
   Mutation: `g i = - one_hot w i / y w + c` becomes `g i = one_hot w i / y w + c`. *)
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

(* box: prop-continuation, every constant
   Covers: that every constant occurs.
   Hypotheses: a distribution with $\hat y[w] > 0$.
   Cobre: que toda constante ocorre.
   Hipóteses: uma distribuição com $\hat y[w] > 0$.
   Mutation: `c * (sum V p - 1)` becomes `c * sum V p`. *)
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

(* box: def-tangent
   Covers: that $Pv$ is a tangent direction, and of all the only nearest one.
   Hypotheses: at least one entry.
   Cobre: que $Pv$ é uma direção tangente e, de todas, a única mais próxima.
   Hipóteses: pelo menos uma entrada.
   Mutation: `(fun i => v i - projection V v i) <=` becomes
     `(fun i => v i + projection V v i) <=`. *)
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

(* box: prop-steepest, the direction
   Covers: the direction, its rate, and that no other has it.
   Hypotheses: at least two words; $\hat y[w] > 0$.
   Cobre: a direção, a sua taxa, e que nenhuma outra a tem.
   Hipóteses: pelo menos duas palavras; $\hat y[w] > 0$.
   Mutation: `sqrt (1 - 1 / INR V)` becomes `sqrt (1 + 1 / INR V)`. *)
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

(* box: prop-steepest, the step
   Covers: the step, and when it is a distribution; the bound of the smallest entry is written as
     one bound for each other word.
   Hypotheses: a distribution on at least two words, $\hat y[w] > 0$, $\eta > 0$.
   Cobre: o passo, e quando é uma distribuição; o limite da menor entrada está escrito como um
     limite para cada outra palavra.
   Hipóteses: uma distribuição sobre pelo menos duas palavras, $\hat y[w] > 0$, $\eta > 0$.
   Mutation: `eta <= INR V * y w * y i` becomes `eta <= y w * y i`. *)
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

(** * Through the softmax *)

(** The logits z with t in the place j. A masked word has the logit -oo. *)
Definition replaced_logit (z : nat -> Rbar) (j : nat) (t : R) : nat -> Rbar :=
  fun i => if Nat.eq_dec i j then Finite t else z i.

Lemma masked_softmax_distribution V z : logits V z -> distribution V (masked_softmax V z).
Proof.
  intros Hz. assert (HN := masked_normalizer_pos V z Hz). split.
  - intros i _. apply Rmult_le_pos; [apply exp_of_nonneg|left; apply Rinv_0_lt_compat; auto].
  - unfold masked_softmax. rewrite sum_div. apply Rinv_r. lra.
Qed.

Lemma replaced_logit_same z j x i : z j = Finite x -> replaced_logit z j x i = z i.
Proof. intros H. unfold replaced_logit. destruct (Nat.eq_dec i j) as [->|]; auto. Qed.

Lemma replaced_logits V z j t : (j < V)%nat -> logits V z -> logits V (replaced_logit z j t).
Proof.
  intros Hj [H _]. split.
  - intros i Hi. unfold replaced_logit. destruct (Nat.eq_dec i j); [discriminate|auto].
  - exists j. split; auto. unfold replaced_logit. destruct (Nat.eq_dec j j); [reflexivity|contradiction].
Qed.

Lemma is_derive_exp_of z j x i : z j = Finite x ->
  is_derive (fun t => exp_of (replaced_logit z j t i)) x (one_hot j i * exp_of (z i)).
Proof.
  intros Hz. unfold replaced_logit, one_hot. destruct (Nat.eq_dec i j) as [->|].
  - rewrite Hz. simpl. rewrite Rmult_1_l. apply is_derive_exp.
  - rewrite Rmult_0_l. apply @is_derive_const.
Qed.

(* box: prop-softmax-jacobian, the derivatives
   Covers: the derivatives, also where other words are masked.
   Hypotheses: at least one logit is finite, the others are finite or $-\infty$; $z[j]$ is finite.
   Cobre: as derivadas, também onde outras palavras estão mascaradas.
   Hipóteses: ao menos um logit é finito, os outros são finitos ou $-\infty$; $z[j]$ é finito.
   Mutation: `(one_hot i j - y j)` becomes `(one_hot i j + y j)`. *)
Theorem softmax_jacobian V z i j x : logits V z -> (i < V)%nat -> (j < V)%nat -> z j = Finite x ->
  let y := masked_softmax V z in
  is_derive (fun t => masked_softmax V (replaced_logit z j t) i) x (y i * (one_hot i j - y j)).
Proof.
  intros Hz Hi Hj Hx y. assert (HN := masked_normalizer_pos V z Hz).
  assert (E : Σ k < V, exp_of (replaced_logit z j x k) = Σ k < V, exp_of (z k))
    by (apply sum_ext; intros; rewrite replaced_logit_same; auto).
  evar_last.
  - apply (is_derive_div (fun t => exp_of (replaced_logit z j t i))
      (fun t => Σ k < V, exp_of (replaced_logit z j t k))).
    + apply is_derive_exp_of. exact Hx.
    + apply (is_derive_sum V (fun k t => exp_of (replaced_logit z j t k))).
      intros. apply is_derive_exp_of. exact Hx.
    + rewrite E. lra.
  - rewrite E, (sum_one_hot V j (fun k => exp_of (z k))), replaced_logit_same by auto.
    unfold minus, plus, opp, scal; simpl; unfold mult; simpl. unfold y, masked_softmax, one_hot.
    destruct (Nat.eq_dec i j), (Nat.eq_dec j i); try congruence; field; lra.
Qed.

(* box: prop-softmax-jacobian, the matrix
   Covers: the matrix, its symmetry, $J \mathbf 1 = 0$, the product with a vector, and the zeros
     of a masked word.
   Hypotheses: any distribution.
   Cobre: a matriz, a sua simetria, $J \mathbf 1 = 0$, o produto por um vetor e os zeros de uma
     palavra mascarada.
   Hipóteses: uma distribuição qualquer.
   Mutation: `(fun _ => 1) i = 0` becomes `(fun _ => 1) i = 1`. *)
Theorem jacobian_algebra V y : distribution V y ->
  (* diag(y) - y y^T, entry by entry. *)
  let J := fun i j => y i * (one_hot i j - y j) in
  (forall i j, J i j = (if Nat.eq_dec i j then y i else 0) - y i * y j) /\
  (forall i j, J i j = J j i) /\
  (forall i, (i < V)%nat -> times V J (fun _ => 1) i = 0) /\
  (forall g i, (i < V)%nat -> times V J g i = y i * (g i - dot V y g)) /\
  (* A masked word has a row and a column of zeros. *)
  (forall i j, y i = 0 -> J i j = 0 /\ J j i = 0).
Proof.
  intros HD J.
  assert (E : forall i j, J i j = (if Nat.eq_dec i j then y i else 0) - y i * y j).
  { intros i j. unfold J, one_hot. destruct (Nat.eq_dec i j), (Nat.eq_dec j i); try congruence; ring. }
  assert (S : forall i j, J i j = J j i).
  { intros i j. unfold J, one_hot.
    destruct (Nat.eq_dec i j), (Nat.eq_dec j i); subst; try congruence; ring. }
  assert (G : forall g i, (i < V)%nat -> times V J g i = y i * (g i - dot V y g)).
  { intros g i Hi. unfold times, J, dot.
    rewrite (sum_ext V _ (fun j => y i * (one_hot i j * g j) - y i * (y j * g j))) by (intros; ring).
    rewrite sum_minus, !sum_scal_l, sum_one_hot by auto. ring. }
  split; [exact E|split; [exact S|split; [|split; [exact G|]]]].
  - intros i Hi. rewrite G by auto. unfold dot.
    rewrite (sum_ext V _ y) by (intros; ring). rewrite (distribution_sum V y HD). ring.
  - intros i j H. rewrite (S j i). unfold J. rewrite H. split; ring.
Qed.

(* box: prop-gradient-logits
   Covers: the whole statement; the derivative is taken in every logit that is not masked.
   Hypotheses: $z[w]$ is finite, the other logits are finite or $-\infty$.
   Cobre: o enunciado inteiro; a derivada é tomada em cada logit que não está mascarado.
   Hipóteses: $z[w]$ é finito, os outros logits são finitos ou $-\infty$.
   Mutation: `J j i * g j = y i - one_hot w i` becomes `J j i * g j = y i + one_hot w i`. *)
Theorem prediction_minus_truth V z w xw F g : logits V z -> (w < V)%nat -> z w = Finite xw ->
  let y := masked_softmax V z in
  let J := fun i j => y i * (one_hot i j - y j) in
  (* For every continuation, J^T times its gradient is the prediction minus the truth. *)
  (continues V F y w -> is_gradient V F y g ->
    forall i, (i < V)%nat -> Σ j < V, J j i * g j = y i - one_hot w i) /\
  (* And that is the derivative of the loss in every logit that is not masked. *)
  (forall i x, (i < V)%nat -> z i = Finite x ->
    (forall t, loss (masked_softmax V (replaced_logit z i t)) w
               = Finite (log_loss w (masked_softmax V (replaced_logit z i t)))) /\
    is_derive (fun t => log_loss w (masked_softmax V (replaced_logit z i t))) x
      (y i - one_hot w i)).
Proof.
  intros Hz Hw Hxw y J. assert (HD := masked_softmax_distribution V z Hz). fold y in HD.
  (* A word that is not masked has a positive probability. *)
  assert (Hpos : forall z', logits V z' -> is_finite (z' w) -> 0 < masked_softmax V z' w).
  { intros z' Hz' Hfin. apply Rdiv_lt_0_compat; [|apply masked_normalizer_pos; auto].
    rewrite <- Hfin. apply exp_pos. }
  assert (Hyw : 0 < y w) by (apply Hpos; [auto|rewrite Hxw; reflexivity]).
  split.
  - intros HF HG i Hi.
    destruct (gradient_up_to_a_constant V F y w g HD Hw Hyw HF HG) as [[c Hc] _].
    assert (S : forall i j, J i j = J j i) by apply (jacobian_algebra V y HD).
    assert (T : forall g i, (i < V)%nat -> times V J g i = y i * (g i - dot V y g))
      by apply (jacobian_algebra V y HD).
    (* Of the gradient only the column of w is left, since J 1 = 0. *)
    rewrite (sum_ext V _ (fun j => J i j * g j)) by (intros; rewrite S; reflexivity).
    change (times V J g i = y i - one_hot w i). rewrite T, (Hc i) by auto.
    assert (E : dot V y g = -1 + c).
    { unfold dot. rewrite (sum_ext V _ (fun j => one_hot w j * (- y j / y w) + c * y j)).
      - rewrite sum_plus, sum_scal_l, (sum_one_hot V w (fun j => - y j / y w)) by auto.
        change (Σ j < V, y j) with (sum V y). rewrite (distribution_sum V y HD). field. lra.
      - intros j Hj. rewrite Hc by auto. field. lra. }
    rewrite E. unfold one_hot. destruct (Nat.eq_dec i w) as [->|]; field; lra.
  - intros i x Hi Hx.
    assert (Hp : forall t, 0 < masked_softmax V (replaced_logit z i t) w).
    { intros t. apply Hpos; [apply replaced_logits; auto|].
      unfold replaced_logit. destruct (Nat.eq_dec w i); [reflexivity|rewrite Hxw; reflexivity]. }
    assert (Ex : masked_softmax V (replaced_logit z i x) w = y w).
    { unfold y, masked_softmax. rewrite replaced_logit_same by auto. f_equal. apply sum_ext.
      intros. rewrite replaced_logit_same; auto. }
    split; [intros; apply surprise_pos; auto|]. unfold log_loss. evar_last.
    + apply (is_derive_opp (fun t => ln (masked_softmax V (replaced_logit z i t) w))).
      apply (is_derive_comp ln (fun t => masked_softmax V (replaced_logit z i t) w)).
      * apply is_derive_ln. rewrite Ex. exact Hyw.
      * apply softmax_jacobian; auto.
    + rewrite Ex. fold y. unfold opp, scal; simpl; unfold mult; simpl.
      unfold one_hot. destruct (Nat.eq_dec i w), (Nat.eq_dec w i); try congruence; field; lra.
Qed.

(** ** Bounds *)

(* box: prop-bounded, the entries
   Covers: the bounds and the sums of the entries.
   Hypotheses: finite logits.
   Cobre: os limites e as somas das entradas.
   Hipóteses: logits finitos.
   Mutation: `= 2 * (1 - y w) /\` becomes `= 2 * (1 + y w) /\`. *)
Theorem gradient_bounded V z w : (w < V)%nat ->
  let y := softmax V z in
  let error := fun i => y i - one_hot w i in
  (forall i, (i < V)%nat -> -1 <= error i <= 1) /\ sum V error = 0 /\
  Σ i < V, Rabs (error i) = 2 * (1 - y w) /\ 2 * (1 - y w) <= 2.
Proof.
  intros Hw y error. assert (HD := softmax_distribution V z ltac:(lia)). fold y in HD.
  assert (H1 := one_hot_distribution V w Hw).
  split; [|split; [|split]].
  - intros i Hi. unfold error. assert (A := distribution_at_most_one V y i HD Hi).
    assert (B := distribution_at_most_one V _ i H1 Hi). lra.
  - unfold error. rewrite sum_minus.
    rewrite (distribution_sum V y HD), (distribution_sum V _ H1). ring.
  - assert (A := distribution_at_most_one V y w HD Hw).
    rewrite (sum_others V w) by auto. rewrite (others_ext V w _ y).
    + rewrite (others_complement V y w HD Hw). unfold error. rewrite one_hot_same.
      rewrite Rabs_left1 by lra. ring.
    + intros i Hi Hiw. unfold error. rewrite one_hot_other, Rminus_0_r by auto.
      apply Rabs_pos_eq. apply HD. auto.
  - assert (A := distribution_at_most_one V y w HD Hw). lra.
Qed.

(* box: prop-bounded, moved logits
   Covers: the change of the loss when every logit moves a little.
   Hypotheses: finite logits, before and after the move.
   Cobre: a variação da perda quando cada logit se move pouco.
   Hipóteses: logits finitos, antes e depois do movimento.
   Mutation: `2 * delta` becomes `1 * delta`. *)
Theorem loss_moves_little V z z' w delta : (w < V)%nat ->
  (forall i, (i < V)%nat -> Rabs (z' i - z i) <= delta) ->
  Rabs (logits_loss V z' w - logits_loss V z w) <= 2 * delta.
Proof.
  intros Hw Hd.
  assert (Hd0 : 0 <= delta) by (assert (P := Rabs_pos (z' w - z w)); specialize (Hd w Hw); lra).
  (* The error times a move of at most delta, in each entry. *)
  assert (B : forall q u, (forall i, (i < V)%nat -> Rabs (u i) <= delta) ->
    - (2 * delta) <= Σ i < V, (softmax V q i - one_hot w i) * u i).
  { intros q u Hu. destruct (gradient_bounded V q w Hw) as [_ [_ [E L]]].
    apply Rle_trans with (- delta * Σ i < V, Rabs (softmax V q i - one_hot w i)).
    - rewrite E. nra.
    - rewrite <- sum_scal_l. apply sum_le. intros i Hi. specialize (Hu i Hi).
      set (e := softmax V q i - one_hot w i).
      assert (A : Rabs (e * u i) <= delta * Rabs e).
      { rewrite Rabs_mult, Rmult_comm. apply Rmult_le_compat_r; [apply Rabs_pos|auto]. }
      apply Rabs_le_between in A. lra. }
  (* The loss lies above its tangents at both ends. *)
  assert (T1 := logits_loss_above_tangent V w z z' Hw).
  assert (T2 := logits_loss_above_tangent V w z' z Hw).
  assert (B1 := B z (fun i => z' i - z i) Hd).
  assert (B2 := B z' (fun i => z i - z' i)
    ltac:(intros i Hi; cbv beta; rewrite Rabs_minus_sym; apply Hd; auto)).
  cbv beta in B1, B2. apply Rabs_le. lra.
Qed.

(* box: prop-bounded, the probabilities
   Covers: that the gradient in the probabilities has no bound.
   Hypotheses: at least two words.
   Cobre: que o gradiente nas probabilidades não tem limite.
   Hipóteses: pelo menos duas palavras.
   Mutation: `M < 1 / softmax V z w` becomes `M < softmax V z w`. *)
Theorem no_bound_in_probabilities V w M : (2 <= V)%nat -> (w < V)%nat -> 0 < M ->
  exists z, M < 1 / softmax V z w.
Proof.
  intros HV Hw HM. destruct (another_word V w HV) as [j [Hj Hjw]].
  exists (fun i => if Nat.eq_dec i w then - ln M else 0).
  set (z := fun i => if Nat.eq_dec i w then - ln M else 0).
  assert (Ew : exp (z w) = / M).
  { unfold z. destruct (Nat.eq_dec w w); [|contradiction]. rewrite exp_Ropp, exp_ln; auto. }
  assert (HZ : / M + 1 <= Σ i < V, exp (z i)).
  { rewrite (sum_others V w) by auto. rewrite Ew. apply Rplus_le_compat_l.
    apply Rle_trans with (if Nat.eq_dec j w then 0 else exp (z j)).
    - destruct (Nat.eq_dec j w); [contradiction|]. unfold z.
      destruct (Nat.eq_dec j w); [contradiction|]. rewrite exp_0. lra.
    - apply (one_term_le V j (fun i => if Nat.eq_dec i w then 0 else exp (z i))); auto.
      intros i _. destruct (Nat.eq_dec i w); [lra|left; apply exp_pos]. }
  assert (HM' : 0 < / M) by (apply Rinv_0_lt_compat; auto).
  unfold softmax. fold z. rewrite Ew. replace (1 / (/ M / Σ j0 < V, exp (z j0)))
    with (M * Σ j0 < V, exp (z j0)) by (field; lra). nra.
Qed.

(** * The target's entry without cancellation *)

(** The terms c i of the words other than w, added one after another; the addition of the term i
    is off by the factor 1 + d i. *)
Fixpoint rounded_others (V w : nat) (c d : vector) : R :=
  match V with
  | O => 0
  | S V => if Nat.eq_dec V w then rounded_others V w c d
           else (rounded_others V w c d + c V) * (1 + d V)
  end.

Lemma rounded_others_bound V w y e d eps u : 0 <= eps -> 0 <= u ->
  (forall i, (i < V)%nat -> 0 <= y i) ->
  (forall i, (i < V)%nat -> Rabs (e i) <= eps) -> (forall i, (i < V)%nat -> Rabs (d i) <= u) ->
  Rabs (rounded_others V w (fun i => y i * (1 + e i)) d - others V w y)
  <= ((1 + eps) * (1 + u) ^ V - 1) * others V w y.
Proof.
  intros He Hu. unfold others. induction V as [|V IH]; intros Hy Hae Had; simpl.
  { rewrite Rminus_0_r, Rabs_R0. lra. }
  specialize (IH ltac:(auto) ltac:(auto) ltac:(auto)).
  set (S := Σ i < V, (if Nat.eq_dec i w then 0 else y i)) in *.
  set (r := rounded_others V w (fun i => y i * (1 + e i)) d) in *.
  assert (HS : 0 <= S) by (apply sum_nonneg; intros i Hi; destruct (Nat.eq_dec i w); [lra|auto]).
  assert (HP : 1 <= (1 + u) ^ V) by (apply pow_R1_Rle; lra).
  set (P := (1 + u) ^ V) in *. set (k := (1 + eps) * P - 1) in *.
  assert (Hk : eps <= k) by (unfold k; nra).
  assert (E : (1 + eps) * ((1 + u) * P) - 1 = k + u * (1 + k)) by (unfold k; ring).
  rewrite E. destruct (Nat.eq_dec V w).
  - rewrite Rplus_0_r. apply Rle_trans with (k * S); [exact IH|].
    apply Rmult_le_compat_r; [exact HS|]. nra.
  - (* Before the addition is rounded, the error is at most k (S + y). *)
    specialize (Hy V ltac:(lia)). specialize (Hae V ltac:(lia)). specialize (Had V ltac:(lia)).
    set (b := r + y V * (1 + e V)).
    assert (B : Rabs (b - (S + y V)) <= k * (S + y V)).
    { replace (b - (S + y V)) with ((r - S) + y V * e V) by (unfold b; ring).
      eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult, (Rabs_pos_eq (y V)) by auto. nra. }
    replace (b * (1 + d V) - (S + y V)) with ((b - (S + y V)) + b * d V) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
    assert (Hb : Rabs b <= (1 + k) * (S + y V)).
    { replace b with ((b - (S + y V)) + (S + y V)) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_pos_eq (S + y V)) by lra. lra. }
    assert (Rabs b * Rabs (d V) <= (1 + k) * (S + y V) * u).
    { apply Rmult_le_compat; auto using Rabs_pos. }
    nra.
Qed.

(* box: prop-confident
   Covers: the identity, and the error of the sum in exact form, of which $\varepsilon + |V| u$
     is the first order.
   Hypotheses: a distribution; the terms are added one after another, each addition off by a
     relative error of at most u, and no term has underflowed.
   Cobre: a identidade, e o erro da soma em forma exata, da qual $\varepsilon + |V| u$ é a
     primeira ordem.
   Hipóteses: uma distribuição; os termos são somados um depois do outro, cada soma com erro
     relativo de no máximo u, e nenhum termo sofreu *underflow*.
   Mutation: `(1 + u) ^ V - 1) * others` becomes `(1 - u) ^ V - 1) * others`. *)
Theorem confident V y w : distribution V y -> (w < V)%nat ->
  y w - 1 = - others V w y /\
  (forall i, (i < V)%nat -> 0 <= y i) /\
  (* With relative errors of at most eps in the terms and u in each addition, *)
  (forall eps u e d, 0 <= eps -> 0 <= u ->
    (forall i, (i < V)%nat -> Rabs (e i) <= eps) -> (forall i, (i < V)%nat -> Rabs (d i) <= u) ->
    Rabs (rounded_others V w (fun i => y i * (1 + e i)) d - others V w y)
    <= ((1 + eps) * (1 + u) ^ V - 1) * others V w y) /\
  (* which is eps + V u to first order. *)
  (forall eps u, is_derive (fun t => (1 + t * eps) * (1 + t * u) ^ V - 1) 0 (eps + INR V * u)).
Proof.
  intros HD Hw. split; [rewrite (others_complement V y w HD Hw); ring|].
  split; [apply HD|split].
  - intros. apply rounded_others_bound; auto. apply HD.
  - intros eps u. evar_last.
    + apply (is_derive_minus (fun t => (1 + t * eps) * (1 + t * u) ^ V) (fun _ => 1));
        [|apply @is_derive_const].
      apply (is_derive_mult (fun t => 1 + t * eps) (fun t => (1 + t * u) ^ V)).
      * auto_derive; [auto|reflexivity].
      * apply (is_derive_pow (fun t => 1 + t * u)). auto_derive; [auto|reflexivity].
      * intros; apply Rmult_comm.
    + rewrite !Rmult_0_l, Rplus_0_r, !pow1. unfold minus, plus, opp, zero; simpl.
      unfold mult; simpl. ring.
Qed.

(** * The error of a central difference *)

Definition artanh (x : R) : R := (ln (1 + x) - ln (1 - x)) / 2.

(** The central difference of - log at p. *)
Definition central_difference (p h : R) : R := (- ln (p + h) - - ln (p - h)) / (2 * h).

(** The truncation error. *)
Definition truncation (x : R) : R := artanh x / x - 1.

Lemma central_difference_exact p h : 0 < h < p ->
  central_difference p h = - (1 / p) * (1 + truncation (h / p)).
Proof.
  intros H. assert (Hx : 0 < h / p) by (apply Rdiv_lt_0_compat; lra).
  assert (Hx1 : h / p < 1).
  { apply (Rmult_lt_reg_r p); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra. }
  unfold central_difference, truncation, artanh.
  replace (p + h) with (p * (1 + h / p)) by (field; lra).
  replace (p - h) with (p * (1 - h / p)) by (field; lra).
  rewrite !ln_mult by lra. field. lra.
Qed.

(** The first n terms of the series of artanh. *)
Definition artanh_terms (n : nat) (x : R) : R := Σ k < n, x ^ (2 * k + 1) / INR (2 * k + 1).

Lemma even_powers n x : (1 - x ^ 2) * (Σ k < n, x ^ (2 * k)) = 1 - x ^ (2 * n).
Proof.
  induction n as [|n IH]; [simpl; ring|]. cbn [sum]. rewrite Rmult_plus_distr_l, IH.
  replace (2 * S n)%nat with (2 * n + 2)%nat by lia. rewrite pow_add. ring.
Qed.

(** What they leave of artanh. *)
Lemma artanh_rest n x : 0 <= x < 1 ->
  0 <= artanh x - artanh_terms n x <= x ^ (2 * n) / (1 - x ^ 2) * x.
Proof.
  intros Hx. set (rest := fun t => artanh t - artanh_terms n t).
  assert (D : forall t, 0 <= t <= x -> is_derive rest t (t ^ (2 * n) / (1 - t ^ 2))).
  { intros t Ht. unfold rest. assert (Q : 0 < 1 - t ^ 2) by nra. evar_last.
    - apply (is_derive_minus artanh (artanh_terms n)).
      + unfold artanh. auto_derive; [lra|reflexivity].
      + apply (is_derive_sum n (fun k t => t ^ (2 * k + 1) / INR (2 * k + 1)) t
          (fun k => t ^ (2 * k))).
        intros k _. evar_last.
        * apply is_derive_quotient, (is_derive_pow (fun t => t) _ t 1). apply @is_derive_id.
        * replace (pred (2 * k + 1)) with (2 * k)%nat by lia. field. apply not_0_INR. lia.
    - assert (G := even_powers n t). unfold minus, plus, opp; simpl.
      apply (Rmult_eq_reg_r (1 - t ^ 2)); [|lra].
      replace (t ^ (n + (n + 0))) with (1 - (1 - t ^ 2) * (Σ k < n, t ^ (2 * k)))
        by (rewrite G; simpl; ring).
      simpl. simpl in Q. field. lra. }
  assert (R0 : rest 0 = 0).
  { unfold rest, artanh, artanh_terms. rewrite Rplus_0_r, Rminus_0_r, ln_1.
    rewrite sum_zero; [field|]. intros k _. rewrite pow_add. simpl. unfold Rdiv. ring. }
  fold (rest x). split.
  - rewrite <- R0. apply (derivative_nonneg rest (fun t => t ^ (2 * n) / (1 - t ^ 2))); [lra|].
    intros t Ht. split; [auto|]. apply Rmult_le_pos; [apply pow_le; lra|].
    left. apply Rinv_0_lt_compat. nra.
  - set (c := x ^ (2 * n) / (1 - x ^ 2)).
    enough (rest x - c * x <= rest 0 - c * 0) by lra.
    apply (never_rises (fun t => rest t - c * t) (fun t => t ^ (2 * n) / (1 - t ^ 2) - c)); [lra|].
    intros t Ht. split.
    + apply (is_derive_minus rest (fun t => c * t)); [auto|auto_derive; [auto|ring]].
    + assert (t ^ (2 * n) / (1 - t ^ 2) <= c); [|lra]. unfold c, Rdiv.
      apply Rmult_le_compat; [apply pow_le; lra|left; apply Rinv_0_lt_compat; nra|
        apply pow_incr; lra|apply Rinv_le_contravar; nra].
Qed.

(* box: prop-differences, the truncation
   Covers: the truncation error and its series.
   Hypotheses: $0 < h < p$; exact arithmetic.
   Cobre: o erro de truncamento e a sua série.
   Hipóteses: $0 < h < p$; aritmética exata.
   Mutation: `2 * k + 3` becomes `2 * k + 2`. *)
Theorem difference_truncation p h : 0 < h < p ->
  let x := h / p in
  let T := artanh x / x - 1 in
  central_difference p h = - (1 / p) * (1 + T) /\
  (* T = x^2 / 3 + x^4 / 5 + x^6 / 7 + ... *)
  is_series (fun k => x ^ (2 * k + 2) / INR (2 * k + 3)) T.
Proof.
  intros H x T. split; [apply central_difference_exact; auto|].
  assert (Hx : 0 < x) by (apply Rdiv_lt_0_compat; lra).
  assert (Hx1 : x < 1).
  { apply (Rmult_lt_reg_r p); [lra|]. unfold x, Rdiv. rewrite Rmult_assoc, Rinv_l; lra. }
  (* The partial sums, from those of artanh. *)
  assert (E : forall n, sum_n (fun k => x ^ (2 * k + 2) / INR (2 * k + 3)) n
                        = artanh_terms (S (S n)) x / x - 1).
  { intros n. transitivity (Σ i < S n, x ^ (2 * i + 2) / INR (2 * i + 3)).
    - induction n as [|n IH]; [rewrite sum_O; symmetry; apply Rplus_0_l|].
      rewrite sum_Sn, IH. reflexivity.
    - unfold artanh_terms. rewrite (sum_first (S n)).
      replace (x ^ (2 * 0 + 1) / INR (2 * 0 + 1)) with x by (simpl; field).
      set (t := Σ i < S n, x ^ (2 * S i + 1) / INR (2 * S i + 1)).
      replace ((x + t) / x - 1) with (t / x) by (field; lra).
      unfold t. rewrite <- sum_div. apply sum_ext. intros i _.
      replace (2 * S i + 1)%nat with (S (2 * i + 2)) by lia.
      replace (2 * i + 3)%nat with (S (2 * i + 2)) by lia.
      change (x ^ S (2 * i + 2)) with (x * x ^ (2 * i + 2)). field.
      split; [apply not_0_INR; lia|lra]. }
  assert (B : forall n, T - (x ^ 2) ^ (n + 2) * / (1 - x ^ 2)
                        <= sum_n (fun k => x ^ (2 * k + 2) / INR (2 * k + 3)) n <= T).
  { intros n. rewrite E. destruct (artanh_rest (S (S n)) x ltac:(lra)) as [L U].
    replace (2 * S (S n))%nat with (2 * (n + 2))%nat in U by lia. rewrite pow_mult in U.
    assert (Hi : 0 < / x) by (apply Rinv_0_lt_compat; auto).
    apply (Rmult_le_compat_r (/ x)) in L; [|lra]. apply (Rmult_le_compat_r (/ x)) in U; [|lra].
    replace ((x ^ 2) ^ (n + 2) / (1 - x ^ 2) * x * / x)
      with ((x ^ 2) ^ (n + 2) * / (1 - x ^ 2)) in U by (field; split; [lra|nra]).
    unfold T, Rdiv. lra. }
  change (is_lim_seq (sum_n (fun k => x ^ (2 * k + 2) / INR (2 * k + 3))) T).
  apply (is_lim_seq_le_le (fun n => T - (x ^ 2) ^ (n + 2) * / (1 - x ^ 2)) _ (fun _ => T));
    [exact B| |apply is_lim_seq_const].
  replace (Finite T) with (Finite (T - 0 * / (1 - x ^ 2))) by (f_equal; ring).
  apply is_lim_seq_minus'; [apply is_lim_seq_const|].
  apply is_lim_seq_mult'; [|apply is_lim_seq_const].
  apply (is_lim_seq_incr_n (fun n => (x ^ 2) ^ n) 2). apply is_lim_seq_geom.
  rewrite Rabs_pos_eq; nra.
Qed.

(** The computed difference. Each of p + h, p - h, the subtraction and the division is off by a
    factor 1 + u a with |a| <= 1, each logarithm by 1 + 2 u b with |b| <= 1. *)
Definition computed_difference (p h a1 a2 b1 b2 c1 c2 u : R) : R :=
  (- (ln ((p + h) * (1 + u * a1)) * (1 + u * (2 * b1)))
   - - (ln ((p - h) * (1 + u * a2)) * (1 + u * (2 * b2)))) * (1 + u * c1) / (2 * h) * (1 + u * c2).

(* box: prop-differences, the rounding
   Covers: the rounding error to first order: the derivative in the rounding unit u, at 0.
   Hypotheses: $x \le 1/4$; $p \pm h$, the subtraction and the division are off by factors within
     $1 \pm u$, the logarithms within $1 \pm 2u$.
   Cobre: o erro de arredondamento em primeira ordem: a derivada na unidade de arredondamento u,
     em 0.
   Hipóteses: $x \le 1/4$; $p \pm h$, a subtração e a divisão erram por fatores dentro de
     $1 \pm u$, os logaritmos dentro de $1 \pm 2u$.
   Mutation: `2 * (1 + l) / x` becomes `(1 + l) / x`. *)
Theorem difference_rounding p h a1 a2 b1 b2 c1 c2 : 0 < h < p -> h / p <= 1 / 4 ->
  Rabs a1 <= 1 -> Rabs a2 <= 1 -> Rabs b1 <= 1 -> Rabs b2 <= 1 -> Rabs c1 <= 1 -> Rabs c2 <= 1 ->
  let x := h / p in
  let l := Rmax (Rabs (ln (p + h))) (Rabs (ln (p - h))) in
  let relative_error := fun u => computed_difference p h a1 a2 b1 b2 c1 c2 u / - (1 / p) - 1 in
  relative_error 0 = artanh x / x - 1 /\
  exists r, is_derive relative_error 0 r /\ Rabs r <= 2 * (1 + l) / x.
Proof.
  intros H Hx4 Ha1 Ha2 Hb1 Hb2 Hc1 Hc2 x l relative_error.
  assert (Hx : 0 < x) by (apply Rdiv_lt_0_compat; lra).
  set (A := ln (p + h)). set (B := ln (p - h)).
  assert (EAB : A - B = 2 * artanh x).
  { assert (C := central_difference_exact p h H). unfold central_difference, truncation in C.
    fold A B x in C. replace (- A - - B) with (- (A - B)) in C by ring.
    apply (Rmult_eq_compat_l (- 2 * h)) in C.
    replace (- 2 * h * (- (A - B) / (2 * h))) with (A - B) in C by (field; lra). rewrite C.
    replace h with (p * x) by (unfold x; field; lra). field. lra. }
  split.
  - unfold relative_error, computed_difference. rewrite !Rmult_0_l, !Rplus_0_r, !Rmult_1_r.
    fold A B. replace (- A - - B) with (- (2 * artanh x)) by (rewrite <- EAB; ring).
    replace h with (p * x) by (unfold x; field; lra). field. lra.
  - exists (/ (2 * x) * ((a1 + 2 * b1 * A) - (a2 + 2 * b2 * B) + (A - B) * (c1 + c2))). split.
    + unfold relative_error, computed_difference. auto_derive.
      * rewrite !Rmult_0_l, !Rplus_0_r, !Rmult_1_r. repeat split; lra.
      * rewrite !Rmult_0_l, !Rplus_0_r, !Rmult_1_r. fold A B.
        replace x with (h / p) by reflexivity. field. lra.
    + (* artanh x <= 1/2, since x <= 1/4. *)
      assert (HA : 0 <= A - B <= 1).
      { rewrite EAB. destruct (artanh_rest 0 x ltac:(unfold x in *; lra)) as [L U].
        unfold artanh_terms in L, U. simpl in L, U.
        assert (I : 1 / (1 - x * (x * 1)) * x <= 1 / 2); [|lra].
        apply (Rmult_le_reg_r (1 - x * (x * 1))); [unfold x in *; nra|].
        replace (1 / (1 - x * (x * 1)) * x * (1 - x * (x * 1))) with x
          by (field; unfold x in *; nra). unfold x in *. nra. }
      assert (HlA : Rabs A <= l) by apply Rmax_l. assert (HlB : Rabs B <= l) by apply Rmax_r.
      assert (P : forall b v, Rabs b <= 1 -> Rabs v <= l -> Rabs (b * v) <= l).
      { intros b v Hb Hv. rewrite Rabs_mult, <- (Rmult_1_l l).
        apply Rmult_le_compat; auto using Rabs_pos. }
      assert (P1 := P b1 A Hb1 HlA). assert (P2 := P b2 B Hb2 HlB).
      apply Rabs_le_between in P1. apply Rabs_le_between in P2.
      apply Rabs_le_between in Ha1. apply Rabs_le_between in Ha2.
      apply Rabs_le_between in Hc1. apply Rabs_le_between in Hc2.
      assert (Hi : 0 < / (2 * x)) by (apply Rinv_0_lt_compat; lra).
      rewrite Rabs_mult, (Rabs_pos_eq (/ (2 * x))) by lra.
      replace (2 * (1 + l) / x) with (/ (2 * x) * (4 + 4 * l)) by (field; lra).
      apply Rmult_le_compat_l; [lra|]. apply Rabs_le. nra.
Qed.
