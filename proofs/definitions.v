(** The definitions that all chapters share, as the book writes them, and finite sums.

    A vocabulary of V words is {0, ..., V-1}. A vector over it is a function nat -> R, of which
    only the entries below V are read.

    A theorem that proves a box of the book stands below a comment that names the box. It begins
    "box:", with the box's label, and after a comma the part. Then come five fields, each on lines
    of its own, which tools/formal.py reads for the book's page of formal proofs:
      Covers:      what of the box is proved, for a reader;
      Hypotheses:  those of the formal statement, in words;
      Cobre:, Hipóteses:  the same in Portuguese;
      Mutation:    `text of the statement` becomes `other text`, with which the proof must fail. *)

From Coq Require Export Reals Lra Lia Arith.
From Coquelicot Require Export Coquelicot.
Open Scope R_scope.

(** * Finite sums and products *)

Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0
  | S m => sum m f + f m
  end.

Fixpoint prod (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 1
  | S m => prod m f * f m
  end.

(** The term is a product, as on paper: Σ i < V, a i + b is (Σ i < V, a i) + b. *)
Notation "'Σ' i '<' n ',' t" := (sum n (fun i => t))
  (at level 35, i name, n at level 30, t at level 40, format "'Σ'  i  '<'  n ,  t").
Notation "'Π' i '<' n ',' t" := (prod n (fun i => t))
  (at level 35, i name, n at level 30, t at level 40, format "'Π'  i  '<'  n ,  t").

(** * Words, distributions, one-hot vectors *)

(** A vector over the vocabulary {0, ..., V-1}. *)
Notation vector := (nat -> R).

Definition distribution (V : nat) (p : vector) : Prop :=
  (forall i, (i < V)%nat -> 0 <= p i) /\ Σ i < V, p i = 1.

(** The one-hot vector of the word w, which is also the vertex of the simplex at w. *)
Definition one_hot (w : nat) : vector := fun i => if Nat.eq_dec i w then 1 else 0.

(** Two vectors over V words are the same. *)
Definition same (V : nat) (p q : vector) : Prop := forall i, (i < V)%nat -> p i = q i.

(** * The loss *)

(** - log p, with - log 0 = oo. *)
Definition surprise (p : R) : Rbar := if Rlt_dec 0 p then Finite (- ln p) else p_infty.

(** Cross-entropy loss of the prediction q when the next word is w: look up, take the logarithm. *)
Definition loss (q : vector) (w : nat) : Rbar := surprise (q w).

(** Finite sums of numbers of which some are oo (Coquelicot's 0 * oo is 0). *)
Fixpoint Rbar_sum (n : nat) (f : nat -> Rbar) : Rbar :=
  match n with
  | O => Finite 0
  | S m => Rbar_plus (Rbar_sum m f) (f m)
  end.

(** The inner product - Σ i < V, y i * log (q i), with 0 * log 0 = 0. *)
Definition cross_entropy (V : nat) (y q : vector) : Rbar :=
  Rbar_sum V (fun i => Rbar_mult (Finite (y i)) (surprise (q i))).

(** H(p). The library's ln 0 is 0, so that 0 * ln 0 = 0. *)
Definition entropy (V : nat) (p : vector) : R := - (Σ i < V, p i * ln (p i)).

(** * Logits *)

Definition softmax (V : nat) (z : vector) : vector :=
  fun i => exp (z i) / Σ j < V, exp (z j).

Definition log_sum_exp (V : nat) (z : vector) : R := ln (Σ j < V, exp (z j)).

(** The loss of finite logits, - z[w] + log Σ exp z. *)
Definition logits_loss (V : nat) (z : vector) (w : nat) : R := - z w + log_sum_exp V z.

(** * Derivatives of a function of a vector *)

(** The vector p with x in the place i. *)
Definition replaced (p : vector) (i : nat) (x : R) : vector :=
  fun j => if Nat.eq_dec j i then x else p j.

(** d is the partial derivative of F at p in the place i. *)
Definition is_partial (F : vector -> R) (p : vector) (i : nat) (d : R) : Prop :=
  is_derive (fun x => F (replaced p i x)) (p i) d.

(** l is the derivative of F at p along the direction d. *)
Definition is_slope (F : vector -> R) (p d : vector) (l : R) : Prop :=
  is_derive (fun t => F (fun i => p i + t * d i)) 0 l.

(** * Lemmas on finite sums *)

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof.
  induction n as [|n IH]; simpl; intros H; auto.
  rewrite IH, H; auto.
Qed.

Lemma sum_plus n f g : Σ i < n, (f i + g i) = sum n f + sum n g.
Proof. induction n; simpl; [|rewrite IHn]; lra. Qed.

Lemma sum_minus n f g : Σ i < n, (f i - g i) = sum n f - sum n g.
Proof. induction n; simpl; [|rewrite IHn]; lra. Qed.

Lemma sum_opp n f : Σ i < n, (- f i) = - sum n f.
Proof. induction n; simpl; [|rewrite IHn]; lra. Qed.

Lemma sum_scal_l n c f : Σ i < n, (c * f i) = c * sum n f.
Proof. induction n; simpl; [|rewrite IHn]; lra. Qed.

Lemma sum_scal_r n c f : Σ i < n, (f i * c) = sum n f * c.
Proof. induction n; simpl; [|rewrite IHn]; lra. Qed.

Lemma sum_div n c f : Σ i < n, (f i / c) = sum n f / c.
Proof. unfold Rdiv. apply sum_scal_r. Qed.

Lemma sum_const n c : Σ i < n, c = INR n * c.
Proof. induction n; [simpl; lra|]. rewrite S_INR. simpl. rewrite IHn. lra. Qed.

Lemma sum_zero n f : (forall i, (i < n)%nat -> f i = 0) -> sum n f = 0.
Proof.
  intros H. rewrite (sum_ext n f (fun _ => 0)); auto.
  rewrite sum_const. lra.
Qed.

Lemma sum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> sum n f <= sum n g.
Proof.
  induction n as [|n IH]; simpl; intros H; [lra|].
  apply Rplus_le_compat; auto.
Qed.

Lemma sum_lt n f g :
  (forall i, (i < n)%nat -> f i <= g i) -> (exists i, (i < n)%nat /\ f i < g i) ->
  sum n f < sum n g.
Proof.
  induction n as [|n IH]; simpl; intros H [k [Hk Hlt]]; [lia|].
  destruct (Nat.eq_dec k n) as [->|Hne].
  - assert (sum n f <= sum n g) by (apply sum_le; auto). lra.
  - assert (sum n f < sum n g) by (apply IH; [auto|exists k; split; [lia|auto]]).
    assert (f n <= g n) by auto. lra.
Qed.

Lemma sum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum n f.
Proof.
  intros H. apply Rle_trans with (sum n (fun _ => 0)); [|apply sum_le; auto].
  rewrite sum_const. lra.
Qed.

Lemma sum_pos n f : (0 < n)%nat -> (forall i, (i < n)%nat -> 0 < f i) -> 0 < sum n f.
Proof.
  intros Hn H. rewrite <- (sum_zero n (fun _ => 0)) by auto.
  apply sum_lt; [intros; left; auto|]. exists O. auto.
Qed.

Lemma sum_swap n m (f : nat -> nat -> R) :
  Σ i < n, (Σ j < m, f i j) = Σ j < m, (Σ i < n, f i j).
Proof.
  induction n; simpl; [symmetry; apply sum_zero; auto|].
  rewrite IHn, <- sum_plus. reflexivity.
Qed.

Lemma sum_telescope n f : Σ i < n, (f (S i) - f i) = f n - f O.
Proof. induction n; simpl; [|rewrite IHn]; lra. Qed.

(** The first n terms, and the m that follow. *)
Lemma sum_split n m f : sum (n + m) f = sum n f + Σ i < m, f (n + i)%nat.
Proof.
  induction m; simpl; [rewrite Nat.add_0_r; lra|].
  rewrite Nat.add_succ_r. simpl. rewrite IHm. lra.
Qed.

Lemma sum_first n f : sum (S n) f = f O + Σ i < n, f (S i).
Proof. induction n; [simpl; lra|]. change (sum (S (S n)) f) with (sum (S n) f + f (S n)). rewrite IHn. simpl. lra. Qed.

(** One term, and all others. *)
Definition others (n k : nat) (f : nat -> R) : R :=
  Σ i < n, (if Nat.eq_dec i k then 0 else f i).

Lemma sum_others n k f : (k < n)%nat -> sum n f = f k + others n k f.
Proof.
  unfold others. intros Hk. induction n as [|n IH]; [lia|]. simpl.
  destruct (Nat.eq_dec n k) as [->|Hne].
  - rewrite (sum_ext k (fun i => if Nat.eq_dec i k then 0 else f i) f).
    { destruct (Nat.eq_dec k k); [lra|contradiction]. }
    intros i Hi. destruct (Nat.eq_dec i k); [lia|reflexivity].
  - rewrite IH by lia. destruct (Nat.eq_dec n k); [contradiction|lra].
Qed.

Lemma others_nonneg n k f :
  (forall i, (i < n)%nat -> i <> k -> 0 <= f i) -> 0 <= others n k f.
Proof.
  intros H. apply sum_nonneg. intros i Hi.
  destruct (Nat.eq_dec i k); [lra|auto].
Qed.

Lemma others_pos n k f :
  (forall i, (i < n)%nat -> i <> k -> 0 < f i) -> (exists i, (i < n)%nat /\ i <> k) ->
  0 < others n k f.
Proof.
  intros H [i [Hi Hik]]. unfold others.
  apply Rle_lt_trans with (sum n (fun _ => 0)); [rewrite sum_zero; auto; lra|].
  apply sum_lt.
  - intros j Hj. destruct (Nat.eq_dec j k); [lra|left; auto].
  - exists i. split; auto. destruct (Nat.eq_dec i k); [contradiction|auto].
Qed.

(** The inner product with a one-hot vector looks one entry up. *)
Lemma sum_one_hot n w f : (w < n)%nat -> Σ i < n, (one_hot w i * f i) = f w.
Proof.
  intros Hw. rewrite (sum_others n w) by auto. unfold others, one_hot.
  rewrite sum_zero; [destruct (Nat.eq_dec w w); [lra|contradiction]|].
  intros i _. destruct (Nat.eq_dec i w); lra.
Qed.

Lemma one_term_le n k f : (forall i, (i < n)%nat -> 0 <= f i) -> (k < n)%nat -> f k <= sum n f.
Proof.
  intros H Hk. rewrite (sum_others n k) by auto.
  assert (0 <= others n k f) by (apply others_nonneg; auto). lra.
Qed.

(** Terms of at least 0 with the sum 0 are all 0. *)
Lemma terms_zero n f :
  (forall i, (i < n)%nat -> 0 <= f i) -> sum n f = 0 -> forall i, (i < n)%nat -> f i = 0.
Proof.
  intros H H0 i Hi. assert (f i <= sum n f) by (apply one_term_le; auto).
  specialize (H i Hi). lra.
Qed.

Lemma is_derive_sum n (f : nat -> R -> R) (x : R) (d : nat -> R) :
  (forall i, (i < n)%nat -> is_derive (f i) x (d i)) ->
  is_derive (fun t => Σ i < n, f i t) x (sum n d).
Proof.
  induction n as [|n IH]; simpl; intros H.
  - apply @is_derive_const.
  - apply @is_derive_plus; auto.
Qed.

(** * Products *)

Lemma prod_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> prod n f = prod n g.
Proof.
  induction n as [|n IH]; simpl; intros H; auto.
  rewrite IH, H; auto.
Qed.

Lemma prod_pos n f : (forall i, (i < n)%nat -> 0 < f i) -> 0 < prod n f.
Proof.
  induction n as [|n IH]; simpl; intros H; [lra|].
  apply Rmult_lt_0_compat; auto.
Qed.

Lemma prod_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= prod n f.
Proof.
  induction n as [|n IH]; simpl; intros H; [lra|].
  apply Rmult_le_pos; auto.
Qed.

Lemma ln_prod n f : (forall i, (i < n)%nat -> 0 < f i) -> ln (prod n f) = Σ i < n, ln (f i).
Proof.
  induction n as [|n IH]; simpl; intros H; [apply ln_1|].
  rewrite ln_mult, IH; auto. apply prod_pos; auto.
Qed.

(** * Distributions and the softmax *)

Lemma distribution_some_word V p : distribution V p -> (0 < V)%nat.
Proof. destruct V; [intros [_ H]; simpl in H; lra|lia]. Qed.

Lemma distribution_at_most_one V p i : distribution V p -> (i < V)%nat -> 0 <= p i <= 1.
Proof.
  intros [Hp Hs] Hi. split; auto. rewrite <- Hs. apply one_term_le; auto.
Qed.

Lemma one_hot_same w : one_hot w w = 1.
Proof. unfold one_hot. destruct (Nat.eq_dec w w); [reflexivity|contradiction]. Qed.

Lemma one_hot_other w i : i <> w -> one_hot w i = 0.
Proof. unfold one_hot. destruct (Nat.eq_dec i w); [contradiction|reflexivity]. Qed.

Lemma one_hot_distribution V w : (w < V)%nat -> distribution V (one_hot w).
Proof.
  intros Hw. split.
  - intros i _. unfold one_hot. destruct (Nat.eq_dec i w); lra.
  - rewrite <- (sum_one_hot V w (fun _ => 1)) at 1 by auto.
    apply sum_ext. intros. lra.
Qed.

Lemma normalizer_pos V z : (0 < V)%nat -> 0 < Σ j < V, exp (z j).
Proof. intros HV. apply sum_pos; auto. intros. apply exp_pos. Qed.

Lemma softmax_pos V z i : (0 < V)%nat -> 0 < softmax V z i.
Proof. intros HV. apply Rdiv_lt_0_compat; [apply exp_pos|apply normalizer_pos; auto]. Qed.

Lemma softmax_distribution V z : (0 < V)%nat -> distribution V (softmax V z).
Proof.
  intros HV. split.
  - intros i _. left. apply softmax_pos; auto.
  - unfold softmax. rewrite sum_div. apply Rinv_r.
    assert (H := normalizer_pos V z HV). lra.
Qed.

Lemma ln_softmax V z i : (0 < V)%nat -> ln (softmax V z i) = z i - log_sum_exp V z.
Proof.
  intros HV. unfold softmax, log_sum_exp.
  rewrite ln_div, ln_exp; auto; [apply exp_pos|apply normalizer_pos; auto].
Qed.

(** * The logarithm *)

(** The tangent inequality, on which Gibbs' inequality and convexity rest. *)
Lemma ln_le_tangent x : 0 < x -> ln x <= x - 1.
Proof.
  intros Hx. destruct (Req_dec x 1) as [->|Hne]; [rewrite ln_1; lra|].
  left. apply exp_lt_inv. rewrite exp_ln by auto.
  assert (H := exp_ineq1 (x - 1)). lra.
Qed.

Lemma ln_lt_tangent x : 0 < x -> x <> 1 -> ln x < x - 1.
Proof.
  intros Hx Hne. apply exp_lt_inv. rewrite exp_ln by auto.
  assert (H := exp_ineq1 (x - 1)). lra.
Qed.

Lemma surprise_pos p : 0 < p -> surprise p = Finite (- ln p).
Proof. intros H. unfold surprise. destruct (Rlt_dec 0 p); [reflexivity|lra]. Qed.

Lemma surprise_zero : surprise 0 = p_infty.
Proof. unfold surprise. destruct (Rlt_dec 0 0); [lra|reflexivity]. Qed.

(** A word of probability at most 1 never costs less than 0. *)
Lemma ln_nonpos p : 0 < p <= 1 -> ln p <= 0.
Proof. intros H. assert (T := ln_le_tangent p). lra. Qed.

(** * The largest of finitely many numbers *)

Lemma largest V z : (0 < V)%nat -> exists k, (k < V)%nat /\ forall j, (j < V)%nat -> z j <= z k.
Proof.
  induction V as [|V IH]; [lia|]. intros _.
  destruct V as [|V].
  - exists O. split; [lia|]. intros j Hj. replace j with O by lia. lra.
  - destruct IH as [k [Hk Hmax]]; [lia|].
    destruct (Rle_lt_dec (z (S V)) (z k)) as [H|H].
    + exists k. split; [lia|]. intros j Hj.
      destruct (Nat.eq_dec j (S V)) as [->|]; [auto|apply Hmax; lia].
    + exists (S V). split; [lia|]. intros j Hj.
      destruct (Nat.eq_dec j (S V)) as [->|]; [lra|].
      apply Rle_trans with (z k); [apply Hmax; lia|lra].
Qed.

(** * Sums with infinite terms *)

Lemma Rbar_sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> Rbar_sum n f = Rbar_sum n g.
Proof.
  induction n as [|n IH]; simpl; intros H; auto.
  rewrite IH, H; auto.
Qed.

Lemma Rbar_sum_zero n f :
  (forall i, (i < n)%nat -> f i = Finite 0) -> Rbar_sum n f = Finite 0.
Proof.
  induction n as [|n IH]; simpl; intros H; auto.
  rewrite IH, H by auto. simpl. f_equal. lra.
Qed.

Lemma Rbar_mult_one x : Rbar_mult (Finite 1) x = x.
Proof.
  destruct x as [x| |]; simpl; [f_equal; ring|..];
    case Rle_dec; intros H; try lra; case Rle_lt_or_eq_dec; intros; auto; lra.
Qed.

Lemma Rbar_mult_infinity a : 0 < a -> Rbar_mult (Finite a) p_infty = p_infty.
Proof.
  intros Ha. simpl. case Rle_dec; intros H; try lra.
  case Rle_lt_or_eq_dec; intros; auto; lra.
Qed.

Lemma Rbar_sum_finite n f g :
  (forall i, (i < n)%nat -> f i = Finite (g i)) -> Rbar_sum n f = Finite (sum n g).
Proof.
  induction n as [|n IH]; simpl; intros H; auto.
  rewrite IH, H by auto. reflexivity.
Qed.

Lemma Rbar_sum_not_m_infty n f :
  (forall i, (i < n)%nat -> f i <> m_infty) -> Rbar_sum n f <> m_infty.
Proof.
  induction n as [|n IH]; simpl; intros H; [discriminate|].
  assert (A := H n (Nat.lt_succ_diag_r n)). assert (B : Rbar_sum n f <> m_infty) by auto.
  destruct (Rbar_sum n f), (f n); simpl; try discriminate; contradiction.
Qed.

(** One infinite term makes the sum infinite. *)
Lemma Rbar_sum_infinite n f k :
  (forall i, (i < n)%nat -> f i <> m_infty) -> (k < n)%nat -> f k = p_infty ->
  Rbar_sum n f = p_infty.
Proof.
  induction n as [|n IH]; simpl; intros H Hk E; [lia|].
  assert (A := H n (Nat.lt_succ_diag_r n)).
  assert (B : Rbar_sum n f <> m_infty) by (apply Rbar_sum_not_m_infty; auto).
  destruct (Nat.eq_dec k n) as [->|Hne].
  - rewrite E. destruct (Rbar_sum n f); simpl; auto. contradiction.
  - rewrite IH by (auto; lia). destruct (f n); simpl; auto. contradiction.
Qed.

Lemma Rbar_sum_le n f g :
  (forall i, (i < n)%nat -> Rbar_le (f i) (g i)) -> Rbar_le (Rbar_sum n f) (Rbar_sum n g).
Proof.
  induction n as [|n IH]; simpl; intros H; [lra|].
  apply Rbar_plus_le_compat; auto.
Qed.

Lemma surprise_not_m_infty p : surprise p <> m_infty.
Proof. unfold surprise. destruct (Rlt_dec 0 p); discriminate. Qed.

Lemma surprise_nonneg p : p <= 1 -> Rbar_le (Finite 0) (surprise p).
Proof.
  intros H. unfold surprise. destruct (Rlt_dec 0 p); simpl; auto.
  assert (ln p <= 0) by (apply ln_nonpos; lra). lra.
Qed.

(** A weighted loss: 0 where the weight is 0, whatever the loss is. *)
Lemma weighted_surprise a p :
  0 <= a -> (0 < a -> 0 < p) -> Rbar_mult (Finite a) (surprise p) = Finite (- (a * ln p)).
Proof.
  intros [Ha| <-] Hp.
  - rewrite surprise_pos by auto. simpl. f_equal. ring.
  - rewrite Rbar_mult_0_l. f_equal. ring.
Qed.

Lemma weighted_surprise_infinite a p :
  0 < a -> p <= 0 -> Rbar_mult (Finite a) (surprise p) = p_infty.
Proof.
  intros Ha Hp. unfold surprise. destruct (Rlt_dec 0 p); [lra|]. apply Rbar_mult_infinity; auto.
Qed.

Lemma weighted_surprise_not_m_infty a p :
  0 <= a -> Rbar_mult (Finite a) (surprise p) <> m_infty.
Proof.
  intros Ha. destruct (Rlt_dec 0 p) as [Hp|Hp].
  - rewrite weighted_surprise; auto. discriminate.
  - destruct Ha as [Ha| <-]; [rewrite weighted_surprise_infinite by lra|rewrite Rbar_mult_0_l];
      discriminate.
Qed.

(** Either every word that counts has a positive probability, or one that counts has none. *)
Lemma all_positive_or_not n (a p : nat -> R) :
  (forall i, (i < n)%nat -> 0 <= a i) ->
  (forall i, (i < n)%nat -> 0 < a i -> 0 < p i) \/
  (exists k, (k < n)%nat /\ 0 < a k /\ p k <= 0).
Proof.
  induction n as [|n IH]; intros H; [left; intros; lia|].
  destruct IH as [IH|[k [Hk Hak]]]; [auto|..|right; exists k; auto].
  destruct (Rle_lt_dec (p n) 0) as [Hp|Hp].
  - destruct (H n) as [Ha|Ha]; [auto|right; exists n; auto|].
    left. intros i Hi Hai. destruct (Nat.eq_dec i n) as [->|]; [lra|apply IH; auto; lia].
  - left. intros i Hi Hai. destruct (Nat.eq_dec i n) as [->|]; [auto|apply IH; auto; lia].
Qed.

(** * Numbers *)

(** A function whose derivative is never negative does not fall. *)
Lemma derivative_nonneg (f df : R -> R) (a b : R) :
  a <= b -> (forall x, a <= x <= b -> is_derive f x (df x) /\ 0 <= df x) -> f a <= f b.
Proof.
  intros Hab H. destruct (MVT_gen f a b df) as [c [Hc E]].
  - intros x Hx. rewrite Rmin_left, Rmax_right in Hx by auto. apply H. lra.
  - intros x Hx. rewrite Rmin_left, Rmax_right in Hx by auto.
    apply derivable_continuous_pt. exists (df x). apply is_derive_Reals, H. lra.
  - rewrite Rmin_left, Rmax_right in Hc by auto. destruct (H c Hc) as [_ D]. nra.
Qed.

(** Bounds of a logarithm by its series: with t = 1/3 they give log 2 to three places. *)
Lemma ln_ratio_bounds t : 0 <= t < 1 ->
  2 * t + 2 * t ^ 3 / 3 + 2 * t ^ 5 / 5 <= ln (1 + t) - ln (1 - t)
    <= 2 * t + 2 * t ^ 3 / 3 + 2 * t ^ 5 / (5 * (1 - t ^ 2)).
Proof.
  intros Ht. split.
  - assert (H := derivative_nonneg
      (fun x => ln (1 + x) - ln (1 - x) - (2 * x + 2 * x ^ 3 / 3 + 2 * x ^ 5 / 5))
      (fun x => 2 * x ^ 6 / (1 - x ^ 2)) 0 t (proj1 Ht)).
    cbv beta in H. rewrite Rplus_0_r, Rminus_0_r, ln_1 in H.
    cut (0 - 0 - (2 * 0 + 2 * 0 ^ 3 / 3 + 2 * 0 ^ 5 / 5) <=
         ln (1 + t) - ln (1 - t) - (2 * t + 2 * t ^ 3 / 3 + 2 * t ^ 5 / 5)); [intros; lra|].
    apply H. intros x Hx. assert (0 < 1 - x ^ 2) by nra. split.
    + auto_derive; [lra|]. field. nra.
    + apply Rmult_le_pos; [|left; apply Rinv_0_lt_compat; auto].
      assert (0 <= x ^ 6) by (apply pow_le; lra). lra.
  - assert (H := derivative_nonneg
      (fun x => 2 * x + 2 * x ^ 3 / 3 + 2 * x ^ 5 / (5 * (1 - x ^ 2)) - (ln (1 + x) - ln (1 - x)))
      (fun x => 4 / 5 * x ^ 6 / (1 - x ^ 2) ^ 2) 0 t (proj1 Ht)).
    cbv beta in H. rewrite Rplus_0_r, Rminus_0_r, ln_1 in H.
    cut (2 * 0 + 2 * 0 ^ 3 / 3 + 2 * 0 ^ 5 / (5 * (1 - 0 ^ 2)) - (0 - 0) <=
         2 * t + 2 * t ^ 3 / 3 + 2 * t ^ 5 / (5 * (1 - t ^ 2)) - (ln (1 + t) - ln (1 - t)));
      [intros; lra|].
    apply H. intros x Hx. assert (0 < 1 - x ^ 2) by nra. split.
    + auto_derive; [nra|]. field. nra.
    + apply Rmult_le_pos; [|left; apply Rinv_0_lt_compat, pow_lt; auto].
      assert (0 <= x ^ 6) by (apply pow_le; lra). lra.
Qed.

Lemma ln_2_bounds : 69295 / 100000 < ln 2 < 69325 / 100000.
Proof.
  assert (H := ln_ratio_bounds (1 / 3)). replace (ln 2) with (ln (1 + 1 / 3) - ln (1 - 1 / 3)); [lra|].
  rewrite <- ln_div by lra. f_equal. field.
Qed.
