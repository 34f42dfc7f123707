(** What chapters 4 to 8 need beside the definitions: inner products, the derivative of the loss
    along a curve of logits, the strict convexity of log-sum-exp, and finite Gibbs sums. *)

From NWP Require Import definitions convexity.

(** * Inner products *)

Definition dot (n : nat) (a b : vector) : R := Σ i < n, (a i * b i).

Lemma dot_self_nonneg n a : 0 <= dot n a a.
Proof. apply sum_nonneg. intros. apply Rle_0_sqr. Qed.

Lemma dot_self_zero n a : dot n a a = 0 -> forall i, (i < n)%nat -> a i = 0.
Proof.
  intros H i Hi. apply Rsqr_0_uniq.
  apply (terms_zero n (fun i => a i * a i)); auto. intros. apply Rle_0_sqr.
Qed.

(** Cauchy and Schwarz, with unit vectors: the square of u + v is not negative. *)
Lemma unit_dot_ge n u v : dot n u u = 1 -> dot n v v = 1 -> -1 <= dot n u v.
Proof.
  intros Hu Hv. assert (H := dot_self_nonneg n (fun i => u i + v i)).
  assert (E : dot n (fun i => u i + v i) (fun i => u i + v i)
              = dot n u u + 2 * dot n u v + dot n v v).
  { unfold dot. rewrite <- sum_scal_l, <- !sum_plus. apply sum_ext. intros. lra. }
  lra.
Qed.

Lemma unit_dot_eq n u v : dot n u u = 1 -> dot n v v = 1 -> dot n u v = -1 ->
  forall i, (i < n)%nat -> u i = - v i.
Proof.
  intros Hu Hv H i Hi. enough (u i + v i = 0) by lra.
  apply (dot_self_zero n (fun i => u i + v i)); auto.
  transitivity (dot n u u + 2 * dot n u v + dot n v v); [|lra].
  unfold dot. rewrite <- sum_scal_l, <- !sum_plus. apply sum_ext. intros. lra.
Qed.

(** The sum of a vector minus a one-hot vector, with any weights. *)
Lemma sum_error V w (q d : vector) : (w < V)%nat ->
  Σ i < V, ((q i - one_hot w i) * d i) = Σ i < V, (q i * d i) - d w.
Proof.
  intros Hw. rewrite <- (sum_one_hot V w d) by auto.
  rewrite <- sum_minus. apply sum_ext. intros. lra.
Qed.

Lemma distribution_sum V p : distribution V p -> sum V p = 1.
Proof. intros [_ H]. exact H. Qed.

(** All others together have what the one word leaves. *)
Lemma others_complement V p w : distribution V p -> (w < V)%nat -> others V w p = 1 - p w.
Proof. intros HD Hw. apply distribution_sum in HD. rewrite (sum_others V w) in HD by auto. lra. Qed.

Lemma others_scal n k c f : others n k (fun i => c * f i) = c * others n k f.
Proof.
  unfold others. rewrite <- sum_scal_l. apply sum_ext. intros i _.
  destruct (Nat.eq_dec i k); lra.
Qed.

Lemma others_lt n k f g :
  (forall i, (i < n)%nat -> i <> k -> f i < g i) -> (exists i, (i < n)%nat /\ i <> k) ->
  others n k f < others n k g.
Proof.
  intros H Hex. enough (0 < others n k (fun i => g i - f i)).
  { unfold others in *. rewrite (sum_ext n _ (fun i =>
      (if Nat.eq_dec i k then 0 else g i) - (if Nat.eq_dec i k then 0 else f i))) in H0.
    - rewrite sum_minus in H0. lra.
    - intros i _. destruct (Nat.eq_dec i k); lra. }
  apply others_pos; auto. intros i Hi Hk. specialize (H i Hi Hk). lra.
Qed.

Lemma others_ext n k f g :
  (forall i, (i < n)%nat -> i <> k -> f i = g i) -> others n k f = others n k g.
Proof.
  intros H. apply sum_ext. intros i Hi. destruct (Nat.eq_dec i k); auto.
Qed.

(** From two words on there is another one. *)
Lemma another_word V w : (2 <= V)%nat -> exists j, (j < V)%nat /\ j <> w.
Proof. intros HV. destruct w; [exists 1%nat|exists O]; lia. Qed.

(** * The softmax *)

Lemma softmax_sum V z : (0 < V)%nat -> Σ i < V, (softmax V z i) = 1.
Proof. intros HV. apply (softmax_distribution V z HV). Qed.

Lemma softmax_lt_1 V z i : (2 <= V)%nat -> (i < V)%nat -> softmax V z i < 1.
Proof.
  intros HV Hi. assert (HD := softmax_distribution V z ltac:(lia)).
  enough (0 < others V i (softmax V z)) by (rewrite others_complement in H; auto; lra).
  apply others_pos; [|apply another_word; auto]. intros. apply softmax_pos. lia.
Qed.

(** The odds of two words are the exponential of the difference of their logits. *)
Lemma softmax_odds V z i j : (0 < V)%nat -> softmax V z i / softmax V z j = exp (z i - z j).
Proof.
  intros HV. assert (HZ := normalizer_pos V z HV). assert (Hj := exp_pos (z j)).
  unfold softmax, Rminus. rewrite exp_plus, exp_Ropp. field. lra.
Qed.

(** The loss of finite logits is the loss of their softmax. *)
Lemma logits_loss_softmax V z w : (0 < V)%nat -> logits_loss V z w = - ln (softmax V z w).
Proof. intros HV. rewrite ln_softmax by auto. unfold logits_loss. lra. Qed.

Lemma logits_loss_ext V z z' w : (w < V)%nat -> same V z z' -> logits_loss V z w = logits_loss V z' w.
Proof.
  intros Hw H. unfold logits_loss, log_sum_exp. rewrite (H w Hw). do 2 f_equal.
  apply sum_ext. intros. rewrite H; auto.
Qed.

Lemma softmax_ext V z z' i : (i < V)%nat -> same V z z' -> softmax V z i = softmax V z' i.
Proof.
  intros Hi H. unfold softmax. rewrite (H i Hi). f_equal.
  apply sum_ext. intros. rewrite H; auto.
Qed.

(** ** Derivatives along a curve of logits *)

Lemma is_derive_log_sum_exp V (z : R -> vector) (x : R) (d : vector) : (0 < V)%nat ->
  (forall i, (i < V)%nat -> is_derive (fun t => z t i) x (d i)) ->
  is_derive (fun t => log_sum_exp V (z t)) x (Σ i < V, (softmax V (z x) i * d i)).
Proof.
  intros HV Hz. assert (HZ := normalizer_pos V (z x) HV). unfold log_sum_exp.
  evar_last.
  - apply (is_derive_comp ln (fun t => Σ j < V, exp (z t j))).
    + apply is_derive_ln. exact HZ.
    + apply (is_derive_sum V (fun i t => exp (z t i)) x (fun i => d i * exp (z x i))).
      intros i Hi. apply (is_derive_comp exp (fun t => z t i)); [|auto].
      apply is_derive_exp.
  - unfold scal; simpl; unfold mult; simpl. rewrite <- sum_scal_r.
    apply sum_ext. intros i _. unfold softmax, Rdiv. ring.
Qed.

(** The chain rule for the loss: the error, prediction minus truth, times what each logit does. *)
Lemma is_derive_logits_loss V w (z : R -> vector) (x : R) (d : vector) : (w < V)%nat ->
  (forall i, (i < V)%nat -> is_derive (fun t => z t i) x (d i)) ->
  is_derive (fun t => logits_loss V (z t) w) x
    (Σ i < V, ((softmax V (z x) i - one_hot w i) * d i)).
Proof.
  intros Hw Hz. unfold logits_loss. evar_last.
  - apply (is_derive_plus (fun t => - z t w)).
    + apply (is_derive_opp (fun t => z t w)). apply Hz. auto.
    + apply (is_derive_log_sum_exp V z x d); [lia|auto].
  - rewrite sum_error by auto. unfold plus, opp; simpl. lra.
Qed.

Lemma is_derive_softmax V i (z : R -> vector) (x : R) (d : vector) : (i < V)%nat ->
  (forall j, (j < V)%nat -> is_derive (fun t => z t j) x (d j)) ->
  is_derive (fun t => softmax V (z t) i) x
    (softmax V (z x) i * (d i - Σ j < V, (softmax V (z x) j * d j))).
Proof.
  intros Hi Hz. assert (HV : (0 < V)%nat) by lia.
  apply is_derive_ext with (fun t => exp (z t i - log_sum_exp V (z t))).
  { intros t. rewrite <- ln_softmax by auto. apply exp_ln. apply softmax_pos. auto. }
  evar_last.
  - apply (is_derive_comp exp (fun t => z t i - log_sum_exp V (z t))).
    + apply is_derive_exp.
    + apply (is_derive_minus (fun t => z t i)); [auto|].
      apply (is_derive_log_sum_exp V z x d); auto.
  - rewrite <- ln_softmax, exp_ln by (auto using softmax_pos).
    unfold scal, minus, plus, opp; simpl; unfold mult; simpl. lra.
Qed.

(** * Strict convexity of log-sum-exp *)

Lemma exp_gt_1 x : 0 < x -> 1 < exp x.
Proof. intros H. rewrite <- exp_0. apply exp_increasing. auto. Qed.

Lemma exp_chord s u : 0 < s < 1 -> u <> 0 -> exp (s * u) < 1 - s + s * exp u.
Proof.
  (* Both ends of the chord lie above the tangent at s u. *)
  intros Hs Hu.
  assert (A := exp_ineq1 ((1 - s) * u) ltac:(nra)).
  assert (B := exp_ineq1 (- s * u) ltac:(nra)).
  assert (E := exp_pos (s * u)).
  assert (A' : exp u = exp (s * u) * exp ((1 - s) * u)) by (rewrite <- exp_plus; f_equal; lra).
  assert (B' : 1 = exp (s * u) * exp (- s * u)) by (rewrite <- exp_plus, <- exp_0; f_equal; lra).
  assert (exp (s * u) * (1 + (1 - s) * u) < exp u) by (rewrite A'; apply Rmult_lt_compat_l; auto).
  assert (exp (s * u) * (1 + - s * u) < 1)
    by (rewrite B' at 2; apply Rmult_lt_compat_l; auto).
  nra.
Qed.

(** Not all entries of u are the same. *)
Definition varies (V : nat) (u : vector) : Prop :=
  exists i j, (i < V)%nat /\ (j < V)%nat /\ u i <> u j.

(** A vector that varies has an entry that is not c. *)
Lemma varies_from V u c : varies V u -> exists i, (i < V)%nat /\ u i <> c.
Proof.
  intros [i [j [Hi [Hj Hij]]]].
  destruct (Req_dec (u i) c) as [E|E]; [exists j|exists i]; split; auto. lra.
Qed.

Definition positive (V : nat) (p : vector) : Prop := forall i, (i < V)%nat -> 0 < p i.

(** The mean of exponentials under the weights p. *)
Definition mean_exp (V : nat) (p u : vector) : R := Σ i < V, (p i * exp (u i)).

Lemma mean_exp_pos V p u : (0 < V)%nat -> positive V p -> 0 < mean_exp V p u.
Proof. intros HV Hp. apply sum_pos; auto. intros. apply Rmult_lt_0_compat; [auto|apply exp_pos]. Qed.

(** Jensen's inequality for the exponential, at the mean. *)
Lemma mean_exp_gt V p u : distribution V p -> positive V p -> varies V u ->
  dot V p u < ln (mean_exp V p u).
Proof.
  intros HD Hp Hu. assert (HV := distribution_some_word V p HD).
  set (m := dot V p u).
  assert (H : 1 < Σ i < V, (p i * exp (u i - m))).
  { replace 1 with (Σ i < V, (p i * (1 + (u i - m)))).
    - apply sum_lt.
      + intros i Hi. apply Rmult_le_compat_l; [left; auto|apply exp_ineq1_le].
      + destruct (varies_from V u m Hu) as [i [Hi Hne]]. exists i. split; auto.
        apply Rmult_lt_compat_l; [auto|apply exp_ineq1; lra].
    - transitivity (sum V p + dot V p u - m * sum V p).
      + unfold dot. rewrite <- sum_scal_l, <- sum_plus, <- sum_minus. apply sum_ext. intros. lra.
      + rewrite (distribution_sum V p HD). unfold m. lra. }
  apply exp_lt_inv. rewrite exp_ln by (apply mean_exp_pos; auto).
  apply (Rmult_lt_compat_l (exp m)) in H; [|apply exp_pos].
  rewrite Rmult_1_r, <- sum_scal_l in H. unfold mean_exp.
  rewrite (sum_ext V _ (fun i => exp m * (p i * exp (u i - m)))); auto.
  intros i _. replace (u i) with (m + (u i - m)) at 1 by lra. rewrite exp_plus. lra.
Qed.

(** Jensen's inequality for a power s < 1: log-sum-exp is strictly convex along a line that
    starts at 0. *)
Lemma mean_exp_power V p u s : distribution V p -> positive V p -> varies V u -> 0 < s < 1 ->
  ln (mean_exp V p (fun i => s * u i)) < s * ln (mean_exp V p u).
Proof.
  intros HD Hp Hu Hs. assert (HV := distribution_some_word V p HD).
  set (l := ln (mean_exp V p u)).
  assert (Hl : exp l = mean_exp V p u) by (apply exp_ln, mean_exp_pos; auto).
  assert (H : Σ i < V, (p i * exp (s * (u i - l))) < 1).
  { replace 1 with (Σ i < V, (p i * (1 - s + s * exp (u i - l)))).
    - apply sum_lt.
      + intros i Hi. apply Rmult_le_compat_l; [left; auto|].
        destruct (Req_dec (u i - l) 0) as [->|Hne].
        * rewrite Rmult_0_r, exp_0. lra.
        * left. apply exp_chord; auto.
      + destruct (varies_from V u l Hu) as [i [Hi Hne]]. exists i. split; auto.
        apply Rmult_lt_compat_l; [auto|apply exp_chord; [auto|lra]].
    - transitivity ((1 - s) * sum V p + s * (/ exp l * mean_exp V p u)).
      + unfold mean_exp. rewrite <- !sum_scal_l, <- sum_plus. apply sum_ext. intros i _.
        unfold Rminus at 2. rewrite exp_plus, exp_Ropp. lra.
      + rewrite (distribution_sum V p HD). rewrite Hl. field. rewrite <- Hl. apply Rgt_not_eq, exp_pos. }
  apply exp_lt_inv. rewrite exp_ln by (apply mean_exp_pos; auto).
  apply (Rmult_lt_compat_l (exp (s * l))) in H; [|apply exp_pos].
  rewrite Rmult_1_r, <- sum_scal_l in H. unfold mean_exp.
  rewrite (sum_ext V _ (fun i => exp (s * l) * (p i * exp (s * (u i - l))))); auto.
  intros i _. replace (s * u i) with (s * l + s * (u i - l)) by lra. rewrite exp_plus. lra.
Qed.

(** Log-sum-exp from other logits, seen from the softmax. *)
Lemma log_sum_exp_moved V z u : (0 < V)%nat ->
  log_sum_exp V (fun i => z i + u i) = log_sum_exp V z + ln (mean_exp V (softmax V z) u).
Proof.
  intros HV. assert (HZ := normalizer_pos V z HV).
  unfold log_sum_exp. rewrite <- ln_mult.
  - f_equal. unfold mean_exp. rewrite <- sum_scal_l. apply sum_ext. intros i _.
    unfold softmax. rewrite exp_plus. field. lra.
  - auto.
  - apply mean_exp_pos; auto. intros i _. apply softmax_pos. auto.
Qed.

(** * Functions of one number *)

(** A function whose derivative at 0 is negative starts by falling. *)
Lemma starts_falling (f : R -> R) l b : is_derive f 0 l -> l < 0 -> 0 < b ->
  exists a, 0 < a < b /\ f a < f 0.
Proof.
  intros H Hl Hb. apply is_derive_Reals in H.
  destruct (H (- l)) as [[e He] HD]; [lra|]. simpl in HD.
  set (a := Rmin e b / 2).
  assert (Hm : 0 < Rmin e b) by (apply Rmin_glb_lt; auto).
  assert (Hme := Rmin_l e b). assert (Hmb := Rmin_r e b).
  exists a. unfold a in *. split; [lra|].
  specialize (HD (Rmin e b / 2)). rewrite Rplus_0_l, (Rabs_pos_eq (Rmin e b / 2)) in HD by lra.
  specialize (HD ltac:(lra) ltac:(lra)). apply Rabs_def2 in HD.
  destruct HD as [HD _]. ring_simplify in HD.
  assert (HD' : (f (Rmin e b / 2) - f 0) / (Rmin e b / 2) < 0) by lra.
  apply (Rmult_lt_compat_r (Rmin e b / 2)) in HD'; [|lra].
  unfold Rdiv at 1 in HD'. rewrite Rmult_assoc, Rinv_l in HD' by lra. lra.
Qed.

(** * Mean losses of several examples *)

(** The matrix A with t in the place i, j. *)
Definition replaced2 (A : matrix) (i j : nat) (t : R) : matrix := fun k =>
  if Nat.eq_dec k i then replaced (A i) j t else A k.

(** d is the partial derivative of F at the matrix A in the place i, j. *)
Definition is_partial2 (F : matrix -> R) (A : matrix) (i j : nat) (d : R) : Prop :=
  is_derive (fun t => F (replaced2 A i j t)) (A i j) d.

(** The inner product of two matrices of n rows and m columns. *)
Definition dot2 (n m : nat) (A B : matrix) : R := Σ i < n, (dot m (A i) (B i)).

(** The mean loss of N examples with the logits Z and the right words w. *)
Definition logits_mean_loss (N V : nat) (w : nat -> nat) (Z : matrix) : R :=
  (Σ n < N, logits_loss V (Z n) (w n)) / INR N.

(** The matrix G, with the rows (ŷ - y) / N. *)
Definition mean_error (N V : nat) (w : nat -> nat) (Z : matrix) : matrix :=
  fun n v => (softmax V (Z n) v - one_hot (w n) v) / INR N.

Lemma is_derive_times (f : R -> R) x l c :
  is_derive f x l -> is_derive (fun t => f t * c) x (l * c).
Proof.
  intros H. rewrite (Rmult_comm l).
  apply is_derive_ext with (fun t => c * f t); [intros; apply Rmult_comm|].
  apply is_derive_scal. exact H.
Qed.

Lemma is_derive_quotient (f : R -> R) x l c :
  is_derive f x l -> is_derive (fun t => f t / c) x (l / c).
Proof. apply is_derive_times. Qed.

Lemma is_derive_logits_mean_loss N V w (Z : R -> matrix) (x : R) (d : matrix) :
  (forall n, (n < N)%nat -> (w n < V)%nat) ->
  (forall n v, (n < N)%nat -> (v < V)%nat -> is_derive (fun t => Z t n v) x (d n v)) ->
  is_derive (fun t => logits_mean_loss N V w (Z t)) x (dot2 N V (mean_error N V w (Z x)) d).
Proof.
  intros Hw HZ. unfold logits_mean_loss. evar_last.
  - apply is_derive_quotient.
    apply (is_derive_sum N (fun n t => logits_loss V (Z t n) (w n))).
    intros n Hn. apply (is_derive_logits_loss V (w n) (fun t => Z t n) x (d n)); auto.
  - unfold dot2. rewrite <- sum_div.
    apply sum_ext. intros n _. unfold dot. rewrite <- sum_div. apply sum_ext. intros v _.
    unfold mean_error. unfold Rdiv. ring.
Qed.

(** A place that is replaced moves with the speed 1, all others stand still. *)
Lemma is_derive_replaced_at (p : vector) i x j :
  is_derive (fun t => replaced p i t j) x (one_hot i j).
Proof.
  unfold replaced, one_hot. destruct (Nat.eq_dec j i); auto_derive; auto.
Qed.

Lemma is_derive_replaced2 (A : matrix) i j x k l :
  is_derive (fun t => replaced2 A i j t k l) x (one_hot i k * one_hot j l).
Proof.
  unfold replaced2. unfold one_hot at 1. destruct (Nat.eq_dec k i) as [->|].
  - rewrite Rmult_1_l. apply is_derive_replaced_at.
  - rewrite Rmult_0_l. apply @is_derive_const.
Qed.

(** Replacing an entry by itself changes nothing. *)
Lemma replaced2_same (A : matrix) i j k l : replaced2 A i j (A i j) k l = A k l.
Proof. unfold replaced2. destruct (Nat.eq_dec k i) as [->|]; [apply replaced_same|reflexivity]. Qed.

Lemma is_derive_dot n (a b : R -> vector) x (a' b' : vector) :
  (forall i, (i < n)%nat -> is_derive (fun t => a t i) x (a' i)) ->
  (forall i, (i < n)%nat -> is_derive (fun t => b t i) x (b' i)) ->
  is_derive (fun t => dot n (a t) (b t)) x (dot n a' (b x) + dot n (a x) b').
Proof.
  intros Ha Hb. unfold dot. rewrite <- sum_plus.
  apply (is_derive_sum n (fun i t => a t i * b t i)). intros i Hi.
  apply (is_derive_mult (fun t => a t i) (fun t => b t i)); auto. intros; apply Rmult_comm.
Qed.

Lemma mean_error_ext N V w Z Z' n v : (v < V)%nat -> same V (Z n) (Z' n) ->
  mean_error N V w Z n v = mean_error N V w Z' n v.
Proof. intros Hv H. unfold mean_error. do 2 f_equal. apply softmax_ext; auto. Qed.

(** A function whose derivative is nowhere positive does not rise. *)
Lemma never_rises (f df : R -> R) b : 0 <= b ->
  (forall t, 0 <= t <= b -> is_derive f t (df t) /\ df t <= 0) -> f b <= f 0.
Proof.
  intros Hb H. enough (- f 0 <= - f b) by lra.
  apply (derivative_nonneg (fun t => - f t) (fun t => - df t)); auto. intros t Ht.
  destruct (H t Ht) as [D L]. split; [apply (is_derive_opp f); exact D|lra].
Qed.

(** * How far a loss lies from its tangent *)

(** The mean of the exponentials under a softmax, not strictly: the loss lies above its tangent. *)
Lemma mean_exp_ge V z u : (0 < V)%nat ->
  dot V (softmax V z) u <= ln (mean_exp V (softmax V z) u).
Proof.
  intros HV. assert (T := logits_loss_above_tangent V 0 z (fun i => z i + u i) HV).
  rewrite (sum_ext V _ (fun i => (softmax V z i - one_hot 0 i) * u i)) in T by (intros; ring).
  rewrite sum_error in T by auto. unfold logits_loss in T.
  rewrite log_sum_exp_moved in T by auto. unfold dot. lra.
Qed.

(** The sum of exponentials under a softmax lies under a parabola. *)
Lemma mean_exp_le V z u : (0 < V)%nat ->
  ln (mean_exp V (softmax V z) u) <= dot V (softmax V z) u + dot V u u / 4.
Proof.
  intros HV. set (s := dot V u u).
  (* The slope of log-sum-exp along u grows at most at the rate s / 2. *)
  set (slope := fun t => dot V (softmax V (fun i => z i + t * u i)) u).
  assert (Hz : forall t i, is_derive (fun t => z i + t * u i) t (u i))
    by (intros; auto_derive; [auto|ring]).
  assert (H1 : forall t, 0 <= t -> slope t <= slope 0 + s / 2 * t).
  { intros t Ht.
    enough (slope t - s / 2 * t <= slope 0 - s / 2 * 0) by lra.
    set (q := fun t => softmax V (fun i => z i + t * u i)).
    apply (never_rises (fun t => slope t - s / 2 * t)
      (fun t => form V (hessian (q t)) u - s / 2)); auto. intros r _. split.
    - apply (is_derive_minus slope); [|auto_derive; [auto|ring]]. evar_last.
      + apply (is_derive_sum V (fun i t => q t i * u i) r
          (fun i => q r i * (u i - slope r) * u i)).
        intros i Hi. apply is_derive_times.
        apply (is_derive_softmax V i (fun t i => z i + t * u i) r u); auto.
      + apply sum_ext. intros i Hi. rewrite hessian_times by auto.
        unfold slope, mean_under, dot, q. ring.
    - assert (B := form_at_most_half V (q r) u (softmax_distribution V _ HV)).
      unfold s, dot. unfold square in B. lra. }
  (* So the difference to the parabola never rises. *)
  set (f := fun t => log_sum_exp V (fun i => z i + t * u i) - slope 0 * t - s / 4 * t ^ 2).
  assert (H2 : f 1 <= f 0).
  { apply (never_rises f (fun t => slope t - slope 0 - s / 2 * t)); [lra|].
    intros t Ht. split.
    - unfold f. evar_last.
      + apply (is_derive_minus (fun t => log_sum_exp V (fun i => z i + t * u i) - slope 0 * t)).
        * apply (is_derive_minus (fun t => log_sum_exp V (fun i => z i + t * u i))).
          -- apply (is_derive_log_sum_exp V (fun t i => z i + t * u i) t u); auto.
          -- apply (is_derive_scal (fun t => t)). apply @is_derive_id.
        * apply (is_derive_scal (fun t => t ^ 2)). auto_derive; auto.
      + fold (dot V (softmax V (fun i => z i + t * u i)) u). fold (slope t).
        unfold minus, plus, opp, one; simpl. lra.
    - specialize (H1 t ltac:(lra)). lra. }
  unfold f in H2.
  assert (E1 : log_sum_exp V (fun i => z i + 1 * u i)
               = log_sum_exp V z + ln (mean_exp V (softmax V z) u)).
  { rewrite <- log_sum_exp_moved by auto. unfold log_sum_exp. f_equal.
    apply sum_ext. intros. f_equal. lra. }
  assert (E0 : log_sum_exp V (fun i => z i + 0 * u i) = log_sum_exp V z).
  { unfold log_sum_exp. f_equal. apply sum_ext. intros. f_equal. lra. }
  assert (ES : slope 0 = dot V (softmax V z) u).
  { unfold slope. apply sum_ext. intros. f_equal. apply softmax_ext; auto.
    intros k _. lra. }
  rewrite E1, E0, ES in H2. lra.
Qed.

(** The loss lies above its tangent, by at most a quarter of the square of the distance. *)
Lemma logits_loss_moved V z u w : (w < V)%nat ->
  let tangent := logits_loss V z w + Σ i < V, ((softmax V z i - one_hot w i) * u i) in
  tangent <= logits_loss V (fun i => z i + u i) w <= tangent + dot V u u / 4.
Proof.
  intros Hw tangent. assert (HV : (0 < V)%nat) by lia. unfold tangent.
  rewrite sum_error by auto. fold (dot V (softmax V z) u).
  unfold logits_loss. rewrite log_sum_exp_moved by auto.
  assert (A := mean_exp_ge V z u HV).
  assert (B := mean_exp_le V z u HV). lra.
Qed.

(** ** Sums over examples, sorted by their context *)

Lemma sum_pick C k f : (k < C)%nat -> Σ c < C, (if Nat.eq_dec k c then f c else 0) = f k.
Proof.
  intros Hk. rewrite <- (sum_one_hot C k f) by auto. apply sum_ext. intros c _.
  unfold one_hot. destruct (Nat.eq_dec k c), (Nat.eq_dec c k); try congruence; lra.
Qed.

Lemma sum_by_context C N (x : nat -> nat) (f : nat -> nat -> R) :
  (forall n, (n < N)%nat -> (x n < C)%nat) ->
  Σ c < C, (Σ n < N, (if Nat.eq_dec (x n) c then f n c else 0)) = Σ n < N, f n (x n).
Proof.
  intros Hx. rewrite sum_swap. apply sum_ext. intros n Hn. apply (sum_pick C (x n) (f n)); auto.
Qed.
