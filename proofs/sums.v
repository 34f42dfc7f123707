(** What chapters 4 to 7 need beside the definitions: inner products, the derivative of the loss
    along a curve of logits, the strict convexity of log-sum-exp, and finite Gibbs sums. *)

Require Import definitions.

(** * Inner products *)

Definition dot (n : nat) (a b : vector) : R := Σ i < n, (a i * b i).

(** The table or matrix A times the vector x. *)
Definition applied (n : nat) (A : nat -> vector) (x : vector) : vector := fun i => dot n (A i) x.

Lemma dot_sym n a b : dot n a b = dot n b a.
Proof. apply sum_ext. intros. lra. Qed.

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

(** The tangent of exp at 0, and a chord. *)
Lemma exp_ge_tangent x : 1 + x <= exp x.
Proof. destruct (Req_dec x 0) as [->|H]; [rewrite exp_0; lra|left; apply exp_ineq1; auto]. Qed.

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
      + intros i Hi. apply Rmult_le_compat_l; [left; auto|apply exp_ge_tangent].
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
