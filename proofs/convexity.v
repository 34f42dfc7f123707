(** Chapter 3: convex in the predictions and in the logits, not in the weights. *)

From NWP Require Import definitions equivalence.

(** The point of the segment from q to p that takes the share t of p. *)
Definition mix (t : R) (p q : vector) : vector := fun i => t * p i + (1 - t) * q i.

Lemma mix_distribution V t p q :
  0 <= t <= 1 -> distribution V p -> distribution V q -> distribution V (mix t p q).
Proof.
  intros Ht [Hp Sp] [Hq Sq]. split.
  - intros i Hi. assert (A := Hp i Hi). assert (B := Hq i Hi). unfold mix. nra.
  - unfold mix. rewrite sum_plus, !sum_scal_l.
    change (sum V p = 1) in Sp. change (sum V q = 1) in Sq.
    change (t * sum V p + (1 - t) * sum V q = 1). rewrite Sp, Sq. ring.
Qed.

(** * In the predicted probabilities *)

(** The logarithm lies below its tangent at m. *)
Lemma ln_le_tangent_at m x : 0 < m -> 0 < x -> ln x <= ln m + (x - m) / m.
Proof.
  intros Hm Hx. assert (T := ln_le_tangent (x / m)). rewrite ln_div in T by auto.
  replace ((x - m) / m) with (x / m - 1) by (field; lra).
  assert (0 < x / m) by (apply Rdiv_lt_0_compat; auto). lra.
Qed.

Lemma ln_lt_tangent_at m x : 0 < m -> 0 < x -> x <> m -> ln x < ln m + (x - m) / m.
Proof.
  intros Hm Hx Hne. assert (T := ln_lt_tangent (x / m)). rewrite ln_div in T by auto.
  replace ((x - m) / m) with (x / m - 1) by (field; lra).
  assert (0 < x / m) by (apply Rdiv_lt_0_compat; auto).
  assert (x / m <> 1). { intros E. apply Hne. apply Rmult_eq_reg_r with (/ m);
    [|apply Rinv_neq_0_compat; lra]. rewrite Rinv_r by lra. exact E. }
  lra.
Qed.

Lemma surprise_convex t a b :
  0 <= t <= 1 -> 0 <= a -> 0 <= b ->
  Rbar_le (surprise (t * a + (1 - t) * b))
          (Rbar_plus (Rbar_mult (Finite t) (surprise a)) (Rbar_mult (Finite (1 - t)) (surprise b))).
Proof.
  intros Ht Ha Hb.
  destruct (Req_dec t 0) as [->|Et].
  { rewrite Rbar_mult_0_l, Rminus_0_r, Rbar_mult_one, Rbar_plus_0_l.
    replace (0 * a + 1 * b) with b by ring. apply Rbar_le_refl. }
  destruct (Req_dec t 1) as [->|Et'].
  { replace (1 - 1) with 0 by ring. rewrite Rbar_mult_0_l, Rbar_mult_one, Rbar_plus_0_r.
    replace (1 * a + 0 * b) with a by ring. apply Rbar_le_refl. }
  set (m := t * a + (1 - t) * b). destruct (Rlt_dec 0 m) as [Hm|Hm].
  - (* The mean is positive: each end of positive weight is positive, or the chord is infinite. *)
    rewrite surprise_pos by auto.
    destruct Ha as [Ha| <-].
    + destruct Hb as [Hb| <-].
      * rewrite !weighted_surprise by lra. simpl.
        assert (A := ln_le_tangent_at m a Hm Ha). assert (B := ln_le_tangent_at m b Hm Hb).
        assert (E : t * ((a - m) / m) + (1 - t) * ((b - m) / m) = 0) by (unfold m at 1 3; field; lra).
        assert (t * ln a <= t * (ln m + (a - m) / m)) by (apply Rmult_le_compat_l; lra).
        assert ((1 - t) * ln b <= (1 - t) * (ln m + (b - m) / m)) by (apply Rmult_le_compat_l; lra).
        lra.
      * rewrite (weighted_surprise_infinite (1 - t) 0) by lra.
        rewrite weighted_surprise by lra. exact I.
    + rewrite (weighted_surprise_infinite t 0) by lra.
      destruct Hb as [Hb| <-].
      * rewrite weighted_surprise by lra. exact I.
      * rewrite weighted_surprise_infinite by lra. exact I.
  - (* The mean is 0: so is every end of positive weight. *)
    assert (Hm0 : m = 0) by (assert (0 <= m) by (unfold m; nra); lra).
    rewrite Hm0, surprise_zero. unfold m in Hm0.
    assert (a = 0) by nra. assert (b = 0) by nra. subst a b.
    rewrite !weighted_surprise_infinite by lra. exact I.
Qed.

Lemma surprise_strictly_convex t a b :
  0 < t < 1 -> 0 <= a -> 0 <= b -> a <> b ->
  Rbar_lt (surprise (t * a + (1 - t) * b))
          (Rbar_plus (Rbar_mult (Finite t) (surprise a)) (Rbar_mult (Finite (1 - t)) (surprise b))).
Proof.
  intros Ht Ha Hb Hab. set (m := t * a + (1 - t) * b).
  assert (Hm : 0 < m) by (unfold m; destruct Ha, Hb; nra).
  rewrite surprise_pos by auto.
  destruct Ha as [Ha| <-]; [destruct Hb as [Hb| <-]|].
  - rewrite !weighted_surprise by lra. simpl.
    assert (Ham : a <> m) by (unfold m; intros E; apply Hab; nra).
    assert (A := ln_lt_tangent_at m a Hm Ha Ham). assert (B := ln_le_tangent_at m b Hm Hb).
    assert (E : t * ((a - m) / m) + (1 - t) * ((b - m) / m) = 0) by (unfold m at 1 3; field; lra).
    assert (t * ln a < t * (ln m + (a - m) / m)) by (apply Rmult_lt_compat_l; lra).
    assert ((1 - t) * ln b <= (1 - t) * (ln m + (b - m) / m)) by (apply Rmult_le_compat_l; lra).
    lra.
  - rewrite (weighted_surprise_infinite (1 - t) 0), weighted_surprise by lra. exact I.
  - rewrite (weighted_surprise_infinite t 0), weighted_surprise by lra. exact I.
Qed.

(* box: thm-2-1
   Covers: the whole statement, also where a value is infinite.
   Hypotheses: w is a fixed word; p and q are distributions, the ends of the segment; 0 times
     infinity is 0.
   Cobre: o enunciado inteiro, também onde um valor é infinito.
   Hipóteses: w é uma palavra fixa; p e q são distribuições, as pontas do segmento; 0 vezes
     infinito é 0.
   Mutation: `p w <> q w -> 0 < t < 1` becomes `p w = q w -> 0 < t < 1`. *)
Theorem convex_in_probabilities V w p q t :
  (w < V)%nat -> distribution V p -> distribution V q -> 0 <= t <= 1 ->
  distribution V (mix t p q) /\
  Rbar_le (loss (mix t p q) w)
          (Rbar_plus (Rbar_mult (Finite t) (loss p w)) (Rbar_mult (Finite (1 - t)) (loss q w))) /\
  (p w <> q w -> 0 < t < 1 ->
   Rbar_lt (loss (mix t p q) w)
           (Rbar_plus (Rbar_mult (Finite t) (loss p w)) (Rbar_mult (Finite (1 - t)) (loss q w)))).
Proof.
  intros Hw Hp Hq Ht. split; [apply mix_distribution; auto|]. unfold loss, mix. split.
  - apply surprise_convex; auto; [apply Hp|apply Hq]; auto.
  - intros Hne Ht'. apply surprise_strictly_convex; auto; [apply Hp|apply Hq]; auto.
Qed.

(* box: prop-jensen
   Covers: the whole statement, also where a loss is infinite.
   Hypotheses: n distributions, weights of at least 0 that sum to 1; 0 times infinity is 0.
   Cobre: o enunciado inteiro, também onde uma perda é infinita.
   Hipóteses: n distribuições, pesos de pelo menos 0 que somam 1; 0 vezes infinito é 0.
   Mutation: `distribution n share` becomes `(forall k, (k < n)%nat -> 0 <= share k)`. *)
Theorem jensen V w n (share : nat -> R) (q : nat -> vector) :
  (w < V)%nat -> (forall k, (k < n)%nat -> distribution V (q k)) -> distribution n share ->
  Rbar_le (surprise (Σ k < n, share k * q k w))
          (Rbar_sum n (fun k => Rbar_mult (Finite (share k)) (loss (q k) w))).
Proof.
  intros Hw Hq [Hs Ss]. change (sum n share = 1) in Ss.
  destruct (all_positive_or_not n share (fun k => q k w) Hs) as [Hcov|[k [Hk [Hsk Hqk]]]].
  - set (m := Σ k < n, share k * q k w).
    assert (Hm : 0 < m).
    { assert (Hterm : forall k, (k < n)%nat -> 0 <= share k * q k w).
      { intros k Hk. apply Rmult_le_pos; [auto|apply Hq; auto]. }
      destruct (sum_nonneg n _ Hterm) as [|E]; auto. exfalso.
      assert (Z : sum n share = 0); [|lra]. apply sum_zero. intros k Hk.
      assert (T := terms_zero n _ Hterm (eq_sym E) k Hk). cbv beta in T.
      destruct (Hs k Hk) as [H|H]; [|auto]. assert (Q := Hcov k Hk H). nra. }
    rewrite surprise_pos by auto. unfold loss.
    rewrite (Rbar_sum_finite n _ (fun k => - (share k * ln (q k w)))) by
      (intros; apply weighted_surprise; auto).
    rewrite sum_opp. simpl. apply Ropp_le_contravar.
    replace (ln m) with (Σ k < n, share k * (ln m + (q k w - m) / m)).
    + apply sum_le. intros k Hk. destruct (Hs k Hk) as [H|H].
      * apply Rmult_le_compat_l; [lra|]. apply ln_le_tangent_at; auto.
      * rewrite <- H. lra.
    + rewrite (sum_ext n _ (fun k => share k * (ln m - 1) + share k * q k w * / m)) by
        (intros; field; lra).
      rewrite sum_plus, !sum_scal_r. fold m.
      change (sum n share * (ln m - 1) + m * / m = ln m). rewrite Ss, Rinv_r by lra. ring.
  - rewrite (Rbar_sum_infinite n _ k); auto.
    + destruct (surprise _); exact I.
    + intros. apply weighted_surprise_not_m_infty; auto.
    + apply weighted_surprise_infinite; auto.
Qed.

Lemma one_word_all_probability V q w :
  (w < V)%nat -> distribution V q -> q w = 1 -> same V q (one_hot w).
Proof.
  intros Hw [Hq Sq] E i Hi. change (sum V q = 1) in Sq. rewrite (sum_others V w) in Sq by auto.
  destruct (Nat.eq_dec i w) as [->|Hne]; [rewrite one_hot_same; auto|].
  rewrite one_hot_other by auto.
  assert (T := terms_zero V (fun j => if Nat.eq_dec j w then 0 else q j)). cbv beta in T.
  assert (H : (if Nat.eq_dec i w then 0 else q i) = 0).
  { apply T; auto.
    - intros j Hj. destruct (Nat.eq_dec j w); [lra|auto].
    - unfold others in Sq. lra. }
  destruct (Nat.eq_dec i w); [contradiction|auto].
Qed.

(* box: prop-minimum
   Covers: the whole statement.
   Hypotheses: one fixed right word; the vertices belong to the simplex.
   Cobre: o enunciado inteiro.
   Hipóteses: uma só palavra certa, fixa; os vértices pertencem ao simplex.
   Mutation: `forall q, distribution V q` becomes `forall q, (forall i, (i < V)%nat -> 0 <= q i <= 1)`. *)
Theorem one_minimizer V w :
  (w < V)%nat ->
  distribution V (one_hot w) /\ loss (one_hot w) w = Finite 0 /\
  forall q, distribution V q ->
    Rbar_le (Finite 0) (loss q w) /\ (loss q w = Finite 0 -> same V q (one_hot w)).
Proof.
  intros Hw. split; [apply one_hot_distribution; auto|split].
  - unfold loss. rewrite one_hot_same, surprise_pos, ln_1 by lra. f_equal. ring.
  - intros q Hq. assert (H1 := distribution_at_most_one V q w Hq Hw). split.
    + apply surprise_nonneg. tauto.
    + unfold loss, surprise. destruct (Rlt_dec 0 (q w)) as [Hpos|]; [|discriminate].
      intros [= E]. apply one_word_all_probability; auto. apply ln_inv; [auto|lra|].
      rewrite ln_1. lra.
Qed.

(* box: prop-flat
   Covers: the whole statement.
   Hypotheses: one fixed right word w; the last part needs three words.
   Cobre: o enunciado inteiro.
   Hipóteses: uma só palavra certa w, fixa; a última parte precisa de três palavras.
   Mutation: `(3 <= V)%nat` becomes `(2 <= V)%nat`. *)
Theorem flat_in_other_words V w :
  (w < V)%nat ->
  (forall p q t, p w = q w -> loss p w = loss q w /\ loss (mix t p q) w = loss p w) /\
  ((3 <= V)%nat -> exists p q, distribution V p /\ distribution V q /\ ~ same V p q /\
     exists x, loss p w = Finite x /\ forall t, loss (mix t p q) w = Finite (t * x + (1 - t) * x)).
Proof.
  intros Hw.
  assert (Hflat : forall p q t, p w = q w -> loss p w = loss q w /\ loss (mix t p q) w = loss p w).
  { intros p q t E. unfold loss, mix. rewrite E. split; [reflexivity|]. f_equal. ring. }
  split; [exact Hflat|]. intros HV.
  assert (Hij : exists i j, (i < V)%nat /\ (j < V)%nat /\ i <> w /\ j <> w /\ i <> j).
  { destruct w as [|[|w]]; [exists 1%nat, 2%nat|exists O, 2%nat|exists O, 1%nat]; lia. }
  destruct Hij as [i [j [Hi [Hj [Hiw [Hjw Hne]]]]]].
  exists (mix (1 / 2) (one_hot w) (one_hot i)), (mix (1 / 2) (one_hot w) (one_hot j)).
  split; [apply mix_distribution; try apply one_hot_distribution; auto; lra|].
  split; [apply mix_distribution; try apply one_hot_distribution; auto; lra|].
  split.
  - intros H. specialize (H i Hi). unfold mix in H.
    rewrite one_hot_same, (one_hot_other w i), (one_hot_other j i) in H by auto. lra.
  - exists (- ln (1 / 2)).
    assert (E : loss (mix (1 / 2) (one_hot w) (one_hot i)) w = Finite (- ln (1 / 2))).
    { unfold loss, mix. rewrite one_hot_same, one_hot_other by auto.
      replace (1 / 2 * 1 + (1 - 1 / 2) * 0) with (1 / 2) by field. apply surprise_pos. lra. }
    split; [exact E|]. intros t.
    assert (E' : mix (1 / 2) (one_hot w) (one_hot i) w = mix (1 / 2) (one_hot w) (one_hot j) w).
    { unfold mix. rewrite (one_hot_other i w), (one_hot_other j w) by auto. reflexivity. }
    destruct (Hflat _ _ t E') as [_ ->]. rewrite E. f_equal. ring.
Qed.

(** * In the logits *)

(** The slope of the loss is the prediction minus the truth; the loss lies above its tangents. *)
Lemma logits_loss_above_tangent V w z z' :
  (w < V)%nat ->
  logits_loss V z w + Σ i < V, (softmax V z i - one_hot w i) * (z' i - z i) <= logits_loss V z' w.
Proof.
  intros Hw. assert (HV : (0 < V)%nat) by lia.
  set (m := Σ i < V, softmax V z i * (z' i - z i)).
  assert (E : Σ i < V, (softmax V z i - one_hot w i) * (z' i - z i) = m - (z' w - z w)).
  { unfold m. rewrite <- (sum_one_hot V w (fun i => z' i - z i)) by auto. rewrite <- sum_minus.
    apply sum_ext. intros. ring. }
  rewrite E. unfold logits_loss.
  cut (log_sum_exp V z + m <= log_sum_exp V z'); [lra|].
  assert (N := normalizer_pos V z HV). assert (N' := normalizer_pos V z' HV).
  destruct (softmax_distribution V z HV) as [_ S]. change (sum V (softmax V z) = 1) in S.
  assert (H : (Σ j < V, exp (z j)) * exp m <= Σ j < V, exp (z' j)).
  { apply Rle_trans with (Σ j < V, (Σ j < V, exp (z j)) * exp m * (softmax V z j * (1 + (z' j - z j - m)))).
    - rewrite sum_scal_l.
      replace (Σ j < V, softmax V z j * (1 + (z' j - z j - m))) with 1; [lra|].
      rewrite (sum_ext V _ (fun j => softmax V z j * (1 - m) + softmax V z j * (z' j - z j))) by
        (intros; ring).
      rewrite sum_plus, sum_scal_r. fold m. change (1 = sum V (softmax V z) * (1 - m) + m).
      rewrite S. ring.
    - apply sum_le. intros j Hj.
      replace (exp (z' j)) with ((Σ j < V, exp (z j)) * exp m * (softmax V z j * exp (z' j - z j - m))).
      + apply Rmult_le_compat_l; [apply Rmult_le_pos; [lra|left; apply exp_pos]|].
        apply Rmult_le_compat_l; [left; apply softmax_pos; auto|apply exp_ineq1_le].
      + unfold softmax. replace (z' j) with (m + z j + (z' j - z j - m)) at 2 by ring.
        rewrite !exp_plus. field. lra. }
  unfold log_sum_exp. rewrite <- (ln_exp m), <- ln_mult by (auto; apply exp_pos).
  destruct H as [H|H]; [left; apply ln_increasing; auto|right; f_equal; auto].
  apply Rmult_lt_0_compat; [auto|apply exp_pos].
Qed.

Lemma logits_loss_convex V w z z' t :
  (w < V)%nat -> 0 <= t <= 1 ->
  logits_loss V (mix t z z') w <= t * logits_loss V z w + (1 - t) * logits_loss V z' w.
Proof.
  intros Hw Ht. set (m := mix t z z').
  assert (A := logits_loss_above_tangent V w m z Hw).
  assert (B := logits_loss_above_tangent V w m z' Hw).
  assert (E : t * (Σ i < V, (softmax V m i - one_hot w i) * (z i - m i))
            + (1 - t) * (Σ i < V, (softmax V m i - one_hot w i) * (z' i - m i)) = 0).
  { rewrite <- !sum_scal_l, <- sum_plus. apply sum_zero. intros i _. unfold m at 2 4, mix. ring. }
  apply Rmult_le_compat_l with (r := t) in A; [|lra].
  apply Rmult_le_compat_l with (r := 1 - t) in B; [|lra]. nra.
Qed.

(** diag(q) - q q^T. *)
Definition hessian (q : vector) (i j : nat) : R := q i * one_hot i j - q i * q j.

(** A matrix of V rows times a vector, and the square of a vector's length. *)
Definition times (V : nat) (H : nat -> nat -> R) (v : vector) : vector :=
  fun i => Σ j < V, H i j * v j.
Definition square (V : nat) (v : vector) : R := Σ i < V, v i * v i.

(** The quadratic form v^T H v. *)
Definition form (V : nat) (H : nat -> nat -> R) (v : vector) : R := Σ i < V, v i * times V H v i.

Lemma is_derive_replaced p i j :
  is_derive (fun x => replaced p i x j) (p i) (one_hot i j).
Proof.
  unfold replaced, one_hot. destruct (Nat.eq_dec j i).
  - apply @is_derive_id.
  - apply @is_derive_const.
Qed.

Lemma replaced_same p i j : replaced p i (p i) j = p j.
Proof. unfold replaced. destruct (Nat.eq_dec j i) as [->|]; reflexivity. Qed.

Lemma is_derive_exp_replaced p i j :
  is_derive (fun x => exp (replaced p i x j)) (p i) (one_hot i j * exp (p j)).
Proof.
  rewrite <- (replaced_same p i j).
  apply (is_derive_comp exp (fun x => replaced p i x j)).
  - apply is_derive_exp.
  - apply is_derive_replaced.
Qed.

Lemma is_derive_normalizer V p i : (i < V)%nat ->
  is_derive (fun x => Σ j < V, exp (replaced p i x j)) (p i) (exp (p i)).
Proof.
  intros Hi. rewrite <- (sum_one_hot V i (fun j => exp (p j))) by auto.
  apply (is_derive_sum V (fun j x => exp (replaced p i x j))).
  intros j _. apply is_derive_exp_replaced.
Qed.

Lemma gradient_in_logits V w z i : (w < V)%nat -> (i < V)%nat ->
  is_partial (fun z => logits_loss V z w) z i (softmax V z i - one_hot w i).
Proof.
  intros Hw Hi. unfold is_partial, logits_loss, log_sum_exp.
  assert (N := normalizer_pos V z ltac:(lia)).
  assert (E : Σ j < V, exp (replaced z i (z i) j) = Σ j < V, exp (z j))
    by (apply sum_ext; intros; rewrite replaced_same; reflexivity).
  replace (softmax V z i - one_hot w i) with (plus (opp (one_hot i w)) (scal (exp (z i)) (/ Σ j < V, exp (z j)))).
  - apply (is_derive_plus (fun x => - replaced z i x w) (fun x => ln (Σ j < V, exp (replaced z i x j)))).
    + apply (is_derive_opp (fun x => replaced z i x w)), is_derive_replaced.
    + rewrite <- E. apply (is_derive_comp ln (fun x => Σ j < V, exp (replaced z i x j))).
      * apply is_derive_Reals, derivable_pt_lim_ln. rewrite E. exact N.
      * apply is_derive_normalizer; auto.
  - unfold plus, opp, scal, softmax, one_hot; simpl. unfold mult; simpl.
    destruct (Nat.eq_dec i w), (Nat.eq_dec w i); try congruence; unfold Rdiv; ring.
Qed.

Lemma second_derivative_in_logits V w z i j : (w < V)%nat -> (i < V)%nat -> (j < V)%nat ->
  is_partial (fun z => softmax V z i - one_hot w i) z j (hessian (softmax V z) i j).
Proof.
  intros Hw Hi Hj. unfold is_partial, hessian.
  assert (N := normalizer_pos V z ltac:(lia)).
  assert (E : Σ k < V, exp (replaced z j (z j) k) = Σ k < V, exp (z k))
    by (apply sum_ext; intros; rewrite replaced_same; reflexivity).
  apply is_derive_ext with (fun x => minus (exp (replaced z j x i) / Σ k < V, exp (replaced z j x k)) (one_hot w i));
    [reflexivity|].
  replace (softmax V z i * one_hot i j - softmax V z i * softmax V z j) with
    (minus ((one_hot j i * exp (z i) * (Σ k < V, exp (z k)) - exp (z i) * exp (z j)) / (Σ k < V, exp (z k)) ^ 2) 0).
  - apply (is_derive_minus (fun x => exp (replaced z j x i) / Σ k < V, exp (replaced z j x k))
                           (fun _ => one_hot w i)); [|apply @is_derive_const].
    rewrite <- E. rewrite <- (replaced_same z j i) at 2.
    apply (is_derive_div (fun x => exp (replaced z j x i)) (fun x => Σ k < V, exp (replaced z j x k))).
    + apply is_derive_exp_replaced.
    + apply is_derive_normalizer; auto.
    + rewrite E. lra.
  - unfold minus, plus, opp, softmax, one_hot; simpl.
    destruct (Nat.eq_dec i j), (Nat.eq_dec j i); try congruence; field; lra.
Qed.

(** The mean of v under q. *)
Definition mean_under (V : nat) (q v : vector) : R := Σ i < V, q i * v i.

Lemma hessian_times V q v i : (i < V)%nat ->
  times V (hessian q) v i = q i * (v i - mean_under V q v).
Proof.
  intros Hi. unfold times, hessian, mean_under.
  rewrite (sum_ext V _ (fun j => q i * (one_hot i j * v j) - q i * (q j * v j))) by (intros; ring).
  rewrite sum_minus, !sum_scal_l, sum_one_hot by auto. ring.
Qed.

(** The form is the variance of v under q: the mean square about any c, less the mean's own. *)
Lemma form_about V q v c : distribution V q ->
  form V (hessian q) v
  = Σ i < V, q i * ((v i - c) * (v i - c)) - (mean_under V q v - c) * (mean_under V q v - c).
Proof.
  intros [_ S]. change (sum V q = 1) in S. set (m := mean_under V q v). unfold form.
  rewrite (sum_ext V _ (fun i => q i * (v i * v i) - m * (q i * v i))) by
    (intros i Hi; rewrite hessian_times by auto; fold m; ring).
  rewrite (sum_ext V (fun i => q i * ((v i - c) * (v i - c)))
                     (fun i => q i * (v i * v i) - 2 * c * (q i * v i) + c * c * q i)) by (intros; ring).
  rewrite sum_plus, !sum_minus, !sum_scal_l. change (Σ i < V, q i * v i) with m.
  change (Σ i < V, q i) with (sum V q). rewrite S. ring.
Qed.

Lemma form_nonneg V q v : distribution V q -> 0 <= form V (hessian q) v.
Proof.
  intros Hq. rewrite (form_about V q v (mean_under V q v)) by auto.
  assert (0 <= Σ i < V, q i * ((v i - mean_under V q v) * (v i - mean_under V q v))); [|lra].
  apply sum_nonneg. intros i Hi. apply Rmult_le_pos; [apply Hq; auto|apply Rle_0_sqr].
Qed.

(* box: prop-logits
   Covers: the whole statement; of the rank, that the image consists of the vectors that sum to 0
     and the kernel of the multiples of the all-ones vector.
   Hypotheses: all logits are finite; w is a word.
   Cobre: o enunciado inteiro; do posto, que a imagem consiste dos vetores de soma 0 e o núcleo
     dos múltiplos do vetor de uns.
   Hipóteses: todos os logits são finitos; w é uma palavra.
   Mutation: `0 <= form` becomes `0 < form`. *)
Theorem convex_in_logits V w :
  (w < V)%nat ->
  (forall z z' t, 0 <= t <= 1 ->
     logits_loss V (mix t z z') w <= t * logits_loss V z w + (1 - t) * logits_loss V z' w) /\
  (forall z i j, (i < V)%nat -> (j < V)%nat ->
     is_partial (fun z => logits_loss V z w) z i (softmax V z i - one_hot w i) /\
     is_partial (fun z => softmax V z i - one_hot w i) z j (hessian (softmax V z) i j)) /\
  (forall z v, 0 <= form V (hessian (softmax V z)) v) /\
  (forall z v, (forall i, (i < V)%nat -> times V (hessian (softmax V z)) v i = 0) <->
               exists c, forall i, (i < V)%nat -> v i = c) /\
  (forall z u, sum V u = 0 <-> exists v, forall i, (i < V)%nat ->
                                 times V (hessian (softmax V z)) v i = u i) /\
  (forall z c, logits_loss V (fun i => z i + c) w = logits_loss V z w).
Proof.
  intros Hw. assert (HV : (0 < V)%nat) by lia.
  assert (Hq : forall z, distribution V (softmax V z)) by (intros; apply softmax_distribution; auto).
  assert (Hpos : forall z i, 0 < softmax V z i) by (intros; apply softmax_pos; auto).
  assert (Hsum : forall z, sum V (softmax V z) = 1) by (intros; apply Hq).
  split; [intros; apply logits_loss_convex; auto|].
  split; [intros; split; [apply gradient_in_logits|apply second_derivative_in_logits]; auto|].
  split; [intros; apply form_nonneg; auto|]. split; [|split].
  - intros z v. split.
    + intros H. exists (mean_under V (softmax V z) v). intros i Hi. specialize (H i Hi).
      rewrite hessian_times in H by auto. assert (P := Hpos z i).
      apply Rmult_integral in H. lra.
    + intros [c Hc] i Hi. rewrite hessian_times, (Hc i Hi) by auto. unfold mean_under.
      rewrite (sum_ext V _ (fun i => softmax V z i * c)) by (intros j Hj; rewrite (Hc j Hj); ring).
      rewrite sum_scal_r. change (softmax V z i * (c - sum V (softmax V z) * c) = 0).
      rewrite Hsum. ring.
  - intros z u. split.
    + intros Hu. exists (fun i => u i / softmax V z i). intros i Hi.
      rewrite hessian_times by auto. unfold mean_under.
      rewrite (sum_ext V _ u) by (intros j Hj; field; assert (P := Hpos z j); lra).
      rewrite Hu. field. assert (P := Hpos z i). lra.
    + intros [v Hv]. rewrite <- (sum_ext V (times V (hessian (softmax V z)) v) u) by exact Hv.
      rewrite (sum_ext V _ (fun i => softmax V z i * v i - softmax V z i * mean_under V (softmax V z) v)) by
        (intros; rewrite hessian_times by auto; ring).
      rewrite sum_minus, sum_scal_r. fold (mean_under V (softmax V z) v).
      change (mean_under V (softmax V z) v - sum V (softmax V z) * mean_under V (softmax V z) v = 0).
      rewrite Hsum. ring.
  - intros z c. unfold logits_loss, log_sum_exp.
    rewrite (sum_ext V _ (fun j => exp c * exp (z j))) by (intros; rewrite exp_plus; ring).
    rewrite sum_scal_l, ln_mult, ln_exp; [ring|apply exp_pos|apply normalizer_pos; auto].
Qed.

(** * Curvature *)

Lemma two_terms_le n a b f : (a < n)%nat -> (b < n)%nat -> a <> b ->
  (forall i, (i < n)%nat -> 0 <= f i) -> f a + f b <= sum n f.
Proof.
  intros Ha Hb Hne H. rewrite (sum_others n a) by auto.
  assert (T := one_term_le n b (fun i => if Nat.eq_dec i a then 0 else f i)). cbv beta in T.
  unfold others. destruct (Nat.eq_dec b a); [congruence|].
  assert (f b <= Σ i < n, (if Nat.eq_dec i a then 0 else f i)); [|lra].
  apply T; auto. intros i Hi. destruct (Nat.eq_dec i a); [lra|auto].
Qed.

Lemma square_nonneg V v : 0 <= square V v.
Proof. apply sum_nonneg. intros. apply Rle_0_sqr. Qed.

(** The variance is at most a quarter of the squared range, and the two ends of the range are
    entries of v. *)
Lemma form_at_most_half V q v : distribution V q -> form V (hessian q) v <= / 2 * square V v.
Proof.
  intros Hq. assert (HV := distribution_some_word V q Hq).
  destruct (largest V v HV) as [b [Hb Hmax]].
  destruct (largest V (fun i => - v i) HV) as [a [Ha Hmin]].
  rewrite (form_about V q v ((v a + v b) / 2)) by auto.
  set (r := (v b - v a) / 2).
  assert (H : Σ i < V, q i * ((v i - (v a + v b) / 2) * (v i - (v a + v b) / 2)) <= r * r).
  { apply Rle_trans with (Σ i < V, q i * (r * r)).
    - apply sum_le. intros i Hi. apply Rmult_le_compat_l; [apply Hq; auto|].
      specialize (Hmax i Hi). specialize (Hmin i Hi). unfold r. nra.
    - rewrite sum_scal_r. destruct Hq as [_ S]. change (sum V q * (r * r) <= r * r).
      change (sum V q = 1) in S. rewrite S. lra. }
  assert (Hr : r * r <= / 2 * square V v).
  { destruct (Nat.eq_dec a b) as [<-|Hne].
    - unfold r. assert (S := square_nonneg V v). nra.
    - assert (T := two_terms_le V a b (fun i => v i * v i) Ha Hb Hne).
      assert (v a * v a + v b * v b <= square V v) by (apply T; intros; apply Rle_0_sqr).
      unfold r. assert (0 <= (v a + v b) * (v a + v b)) by apply Rle_0_sqr. lra. }
  assert (M := Rle_0_sqr (mean_under V q v - (v a + v b) / 2)). unfold Rsqr in M. lra.
Qed.

(** From the form to the length of H v: the form of v - 2 H v is at least 0. *)
Lemma length_from_forms V q v : distribution V q ->
  4 * square V (times V (hessian q) v)
  <= form V (hessian q) v + 4 * form V (hessian q) (times V (hessian q) v).
Proof.
  intros Hq. set (u := times V (hessian q) v).
  assert (E : form V (hessian q) (fun i => v i - 2 * u i)
              = form V (hessian q) v - 4 * square V u + 4 * form V (hessian q) u).
  { assert (L : forall i, times V (hessian q) (fun i => v i - 2 * u i) i
                        = u i - 2 * times V (hessian q) u i).
    { intros i. unfold u at 2, times. rewrite <- sum_scal_l, <- sum_minus.
      apply sum_ext. intros. unfold u, times. ring. }
    assert (C : Σ i < V, v i * times V (hessian q) u i = square V u).
    { assert (U : forall i, (i < V)%nat -> u i = q i * (v i - mean_under V q v))
        by (intros; apply hessian_times; auto).
      assert (U0 : sum V u = 0).
      { rewrite (sum_ext V u (fun i => q i * v i - q i * mean_under V q v)) by
          (intros i Hi; rewrite U by auto; ring).
        rewrite sum_minus, sum_scal_r. destruct Hq as [_ S]. change (sum V q = 1) in S.
        change (mean_under V q v - sum V q * mean_under V q v = 0). rewrite S. ring. }
      unfold square.
      rewrite (sum_ext V _ (fun i => u i * u i + mean_under V q v * (q i * u i) - mean_under V q u * (q i * v i))).
      - rewrite sum_minus, sum_plus, !sum_scal_l.
        change (Σ i < V, q i * u i) with (mean_under V q u).
        change (Σ i < V, q i * v i) with (mean_under V q v). ring.
      - intros i Hi. rewrite hessian_times by auto. rewrite (U i Hi) at 2. ring. }
    unfold form at 1. rewrite (sum_ext V _ (fun i => v i * times V (hessian q) v i
      - 2 * (v i * times V (hessian q) u i) - 2 * (u i * u i) + 4 * (u i * times V (hessian q) u i))).
    - rewrite sum_plus, !sum_minus, !sum_scal_l, C. unfold form, square. ring.
    - intros i _. rewrite L. fold u. ring. }
  assert (P := form_nonneg V q (fun i => v i - 2 * u i) Hq). lra.
Qed.

(** Three words of positive probability: the bound is not reached. *)
Lemma form_below_half V q v : distribution V q -> (3 <= V)%nat ->
  (forall i, (i < V)%nat -> 0 < q i) -> (exists i, (i < V)%nat /\ v i <> 0) ->
  form V (hessian q) v < / 2 * square V v.
Proof.
  intros Hq HV Hpos [n [Hn Hvn]].
  assert (Hrest : forall k, (k < V)%nat -> 0 < q k < 1 /\ exists l, (l < V)%nat /\ l <> k).
  { intros k Hk. assert (E : exists l, (l < V)%nat /\ l <> k)
      by (destruct k; [exists 1%nat|exists O]; lia).
    split; auto. split; auto. destruct Hq as [_ S]. change (sum V q = 1) in S.
    rewrite (sum_others V k) in S by auto.
    assert (0 < others V k q) by (apply others_pos; auto). lra. }
  assert (HV' := distribution_some_word V q Hq).
  destruct (largest V v HV') as [b [Hb Hmax]].
  destruct (largest V (fun i => - v i) HV') as [a [Ha Hmin]].
  set (c := (v a + v b) / 2). set (r := (v b - v a) / 2).
  rewrite (form_about V q v c) by auto.
  assert (M := Rle_0_sqr (mean_under V q v - c)). unfold Rsqr in M.
  assert (Hle : forall i, (i < V)%nat -> q i * ((v i - c) * (v i - c)) <= q i * (r * r)).
  { intros i Hi. apply Rmult_le_compat_l; [left; auto|].
    specialize (Hmax i Hi). specialize (Hmin i Hi). unfold r, c. nra. }
  assert (Er : Σ i < V, q i * (r * r) = r * r).
  { rewrite sum_scal_r. destruct Hq as [_ S]. change (sum V q * (r * r) = r * r).
    change (sum V q = 1) in S. rewrite S. lra. }
  assert (Hsum : Σ i < V, q i * ((v i - c) * (v i - c)) <= r * r)
    by (rewrite <- Er; apply sum_le; auto).
  destruct (Nat.eq_dec a b) as [Eab|Hne].
  - assert (r = 0) by (unfold r; rewrite Eab; field).
    assert (0 < square V v); [|nra].
    apply Rlt_le_trans with (v n * v n); [destruct (Rtotal_order (v n) 0) as [|[|]]; nra|].
    apply (one_term_le V n (fun i => v i * v i)); auto. intros. apply Rle_0_sqr.
  - assert (Hk : exists k, (k < V)%nat /\ k <> a /\ k <> b).
    { destruct a as [|[|a]], b as [|[|b]]; try (exists 2%nat; lia); try (exists 1%nat; lia);
        exists O; lia. }
    destruct Hk as [k [Hk [Hka Hkb]]].
    assert (T2 : v a * v a + v b * v b <= square V v)
      by (apply (two_terms_le V a b (fun i => v i * v i)); auto; intros; apply Rle_0_sqr).
    assert (Hr : r * r = (v a * v a + v b * v b) / 2 - (v a + v b) * (v a + v b) / 4) by (unfold r; field).
    assert (Q := Rle_0_sqr (v a + v b)). unfold Rsqr in Q.
    destruct (Req_dec (v k) 0) as [Hk0|Hk0].
    + assert (Bk := Hmax k Hk). assert (Ak := Hmin k Hk). rewrite Hk0 in Bk, Ak.
      assert (Bn := Hmax n Hn). assert (An := Hmin n Hn). cbv beta in *.
      destruct (Rlt_dec (v a * v b) 0) as [Hneg|Hnn].
      * (* The word k is strictly inside the range. *)
        assert (Σ i < V, q i * ((v i - c) * (v i - c)) < r * r); [|lra].
        rewrite <- Er. apply sum_lt; auto. exists k. split; auto. rewrite Hk0.
        apply Rmult_lt_compat_l; auto. unfold c, r. nra.
      * (* One end of the range is 0, the other is not. *)
        assert (0 < (v a + v b) * (v a + v b)); [|lra].
        assert (v a <> 0 \/ v b <> 0) by (destruct (Req_dec (v a) 0), (Req_dec (v b) 0); auto; lra).
        nra.
    + assert (v a * v a + v b * v b + v k * v k <= square V v).
      { unfold square. rewrite (sum_others V k) by auto.
        assert (T := two_terms_le V a b (fun i => if Nat.eq_dec i k then 0 else v i * v i) Ha Hb Hne).
        cbv beta in T. unfold others. destruct (Nat.eq_dec a k), (Nat.eq_dec b k); try congruence.
        assert (v a * v a + v b * v b <= Σ i < V, (if Nat.eq_dec i k then 0 else v i * v i)); [|lra].
        apply T. intros i Hi. destruct (Nat.eq_dec i k); [lra|apply Rle_0_sqr]. }
      assert (0 < v k * v k) by (destruct (Rtotal_order (v k) 0) as [|[|]]; nra). lra.
Qed.

(* box: prop-curvature
   Covers: the norm is at most 1/2, as $|Hv| \le \frac12 |v|$ for every $v$; the bound is reached
     where two words have probability 1/2 each; from three words of positive probability on it is
     not reached, but finite logits come as close as one likes.
   Hypotheses: any distribution, any right word (the Hessian does not depend on it).
   Cobre: a norma é no máximo 1/2, na forma $|Hv| \le \frac12 |v|$ para todo $v$; o limite é
     atingido onde duas palavras têm probabilidade 1/2 cada; a partir de três palavras de
     probabilidade positiva ele não é atingido, mas logits finitos chegam tão perto quanto se
     queira.
   Hipóteses: uma distribuição qualquer, uma palavra certa qualquer (a hessiana não depende
     dela).
   Mutation: `(3 <= V)%nat` becomes `(2 <= V)%nat`. *)
Theorem curvature V :
  (forall q v, distribution V q ->
     form V (hessian q) v <= / 2 * square V v /\
     sqrt (square V (times V (hessian q) v)) <= / 2 * sqrt (square V v)) /\
  (forall a b, (a < V)%nat -> (b < V)%nat -> a <> b ->
     let q := mix (/ 2) (one_hot a) (one_hot b) in
     let v := fun i => one_hot a i - one_hot b i in
     distribution V q /\ v a = 1 /\
     forall i, (i < V)%nat -> times V (hessian q) v i = / 2 * v i) /\
  (forall q v, distribution V q -> (3 <= V)%nat -> (forall i, (i < V)%nat -> 0 < q i) ->
     (exists i, (i < V)%nat /\ v i <> 0) ->
     sqrt (square V (times V (hessian q) v)) < / 2 * sqrt (square V v)) /\
  (forall e, 0 < e -> (2 <= V)%nat -> exists z c, / 2 - e < c /\
     forall i, (i < V)%nat ->
     times V (hessian (softmax V z)) (fun i => one_hot 0 i - one_hot 1 i) i
     = c * (one_hot 0 i - one_hot 1 i)).
Proof.
  assert (Hhalf : forall x, 0 <= x -> / 2 * sqrt x = sqrt (/ 4 * x)).
  { intros x Hx. replace (/ 4) with (/ 2 * / 2) by field.
    rewrite sqrt_mult, sqrt_square by lra. reflexivity. }
  split; [|split; [|split]].
  - intros q v Hq. split; [apply form_at_most_half; auto|].
    rewrite Hhalf by apply square_nonneg. apply sqrt_le_1_alt.
    assert (A := form_at_most_half V q v Hq).
    assert (B := form_at_most_half V q (times V (hessian q) v) Hq).
    assert (C := length_from_forms V q v Hq). lra.
  - intros a b Ha Hb Hne q v.
    split; [apply mix_distribution; try apply one_hot_distribution; auto; lra|].
    split; [unfold v; rewrite one_hot_same, one_hot_other by auto; ring|].
    intros i Hi. rewrite hessian_times by auto.
    assert (M : mean_under V q v = 0).
    { unfold mean_under, q, v, mix.
      rewrite (sum_ext V _ (fun i => / 2 * (one_hot a i * (one_hot a i - one_hot b i))
                                     + / 2 * (one_hot b i * (one_hot a i - one_hot b i)))) by
        (intros; field).
      rewrite sum_plus, !sum_scal_l.
      rewrite (sum_one_hot V a (fun i => one_hot a i - one_hot b i)) by auto.
      rewrite (sum_one_hot V b (fun i => one_hot a i - one_hot b i)) by auto.
      rewrite !one_hot_same, (one_hot_other b a), (one_hot_other a b) by auto. ring. }
    rewrite M. unfold q, v, mix.
    destruct (Nat.eq_dec i a) as [->|Hia]; [rewrite one_hot_same, one_hot_other by auto; field|].
    rewrite (one_hot_other a i) by auto.
    destruct (Nat.eq_dec i b) as [->|Hib]; [rewrite one_hot_same; field|].
    rewrite one_hot_other by auto. field.
  - intros q v Hq HV Hpos Hv.
    rewrite Hhalf by apply square_nonneg. apply sqrt_lt_1_alt. split; [apply square_nonneg|].
    assert (A := form_below_half V q v Hq HV Hpos Hv).
    assert (B := form_at_most_half V q (times V (hessian q) v) Hq).
    assert (C := length_from_forms V q v Hq). lra.
  - (* Two words far ahead of all others, with the same logit. *)
    intros e He HV. assert (HR : 2 <= INR V) by (apply le_INR in HV; simpl in HV; lra).
    set (x := INR V / (4 * e)). assert (Hx : 0 < x) by (apply Rdiv_lt_0_compat; lra).
    set (z := fun i => match i with O | 1%nat => ln x | _ => 0 end).
    assert (N := normalizer_pos V z ltac:(lia)).
    exists z, (softmax V z 0). split.
    + assert (Nle : Σ j < V, exp (z j) <= 2 * x + INR V).
      { apply Rle_trans with (Σ j < V, (one_hot 0 j * x + one_hot 1 j * x + 1)).
        - apply sum_le. intros j _. unfold z.
          destruct j as [|[|j]]; rewrite ?exp_ln, ?exp_0, ?one_hot_same by auto;
            rewrite ?one_hot_other by lia; lra.
        - rewrite !sum_plus, (sum_one_hot V 0 (fun _ => x)), (sum_one_hot V 1 (fun _ => x)), sum_const
            by lia. lra. }
      unfold softmax. unfold z at 1. rewrite exp_ln by auto.
      apply Rlt_le_trans with (x / (2 * x + INR V)).
      * assert (E : INR V = 4 * e * x) by (unfold x; field; lra).
        rewrite E. apply Rmult_lt_reg_r with (2 * x + 4 * e * x); [nra|].
        replace (x / (2 * x + 4 * e * x) * (2 * x + 4 * e * x)) with x by (field; nra). nra.
      * apply Rmult_le_compat_l; [lra|]. apply Rinv_le_contravar; auto.
    + intros i Hi. rewrite hessian_times by auto.
      assert (M : mean_under V (softmax V z) (fun i => one_hot 0 i - one_hot 1 i) = 0).
      { unfold mean_under.
        rewrite (sum_ext V _ (fun i => one_hot 0 i * softmax V z i - one_hot 1 i * softmax V z i)) by
          (intros; ring).
        rewrite sum_minus, !sum_one_hot by lia. unfold softmax, z. ring. }
      rewrite M. destruct i as [|[|i]]; [ring|unfold softmax, z; ring|].
      rewrite !one_hot_other by lia. ring.
Qed.

(** * Where it stops, and linear models *)

(** Two words, the right one ahead by l. *)
Definition two_words_loss (l : R) : R := ln (1 + exp (- l)).

(* box: cex-attained
   Covers: the whole statement, and that this is the loss of two logits.
   Hypotheses: none.
   Cobre: o enunciado inteiro, e que esta é a perda de dois logits.
   Hipóteses: nenhuma.
   Mutation: `two_words_loss l' < two_words_loss l` becomes `two_words_loss l < two_words_loss l'`. *)
Theorem not_attained :
  (forall z, logits_loss 2 z 0 = two_words_loss (z O - z 1%nat)) /\
  (forall l, 0 < two_words_loss l) /\
  (forall l l', l < l' -> two_words_loss l' < two_words_loss l) /\
  (forall e, 0 < e -> exists l, two_words_loss l < e) /\
  (forall l l' t, 0 <= t <= 1 ->
     two_words_loss (t * l + (1 - t) * l') <= t * two_words_loss l + (1 - t) * two_words_loss l').
Proof.
  assert (H1 : forall z, logits_loss 2 z 0 = two_words_loss (z O - z 1%nat)).
  { intros z. unfold logits_loss, log_sum_exp, two_words_loss. simpl.
    assert (A := exp_pos (z O)). assert (B := exp_pos (z 1%nat)).
    rewrite <- (ln_exp (z O)) at 1. rewrite <- ln_Rinv, <- ln_mult by
      (try apply Rinv_0_lt_compat; lra).
    f_equal. rewrite Ropp_minus_distr. unfold Rminus. rewrite exp_plus, exp_Ropp. field. lra. }
  split; [exact H1|]. unfold two_words_loss in *. split; [|split; [|split]].
  - intros l. rewrite <- ln_1. apply ln_increasing; [lra|]. assert (E := exp_pos (- l)). lra.
  - intros l l' H. assert (E := exp_pos (- l')). apply ln_increasing; [lra|].
    assert (exp (- l') < exp (- l)) by (apply exp_increasing; lra). lra.
  - intros e He. exists (- ln (e / 2)).
    rewrite Ropp_involutive, exp_ln by lra.
    assert (T := ln_le_tangent (1 + e / 2)). lra.
  - intros l l' t Ht.
    assert (C := logits_loss_convex 2 0 (fun i => match i with O => l | _ => 0 end)
                                        (fun i => match i with O => l' | _ => 0 end) t).
    rewrite !H1 in C. unfold mix in C. rewrite !Rminus_0_r in C.
    replace (t * l + (1 - t) * l' - (t * 0 + (1 - t) * 0)) with (t * l + (1 - t) * l') in C by ring.
    apply C; [lia|lra].
Qed.

(** A matrix of weights, and the point of the segment between two. *)
Notation matrix := (nat -> nat -> R).
Definition mix_matrices (t : R) (A B : matrix) : matrix := fun i => mix t (A i) (B i).

(* box: prop-linear
   Covers: one example and the mean over N examples, for $z = Wx + b$ with a fixed $b$.
   Hypotheses: the inputs x and the right words are fixed; N is at least 1.
   Cobre: um exemplo e a média sobre N exemplos, para $z = Wx + b$ com $b$ fixo.
   Hipóteses: as entradas x e as palavras certas são fixas; N é pelo menos 1.
   Mutation: `mean (mix_matrices t W W') <= t` becomes `mean (mix_matrices t W W') >= t`. *)
Theorem convex_in_linear_weights V D N (x : nat -> vector) (b : vector) (w : nat -> nat) :
  (0 < N)%nat -> (forall n, (n < N)%nat -> (w n < V)%nat) ->
  let L n W := logits_loss V (fun i => Σ d < D, W i d * x n d + b i) (w n) in
  let mean W := (Σ n < N, L n W) / INR N in
  forall W W' t, 0 <= t <= 1 ->
    (forall n, (n < N)%nat -> L n (mix_matrices t W W') <= t * L n W + (1 - t) * L n W') /\
    mean (mix_matrices t W W') <= t * mean W + (1 - t) * mean W'.
Proof.
  intros HN Hw L mean W W' t Ht.
  assert (HL : forall n, (n < N)%nat -> L n (mix_matrices t W W') <= t * L n W + (1 - t) * L n W').
  { intros n Hn. unfold L.
    replace (logits_loss V (fun i => Σ d < D, mix_matrices t W W' i d * x n d + b i) (w n)) with
      (logits_loss V (mix t (fun i => Σ d < D, W i d * x n d + b i)
                            (fun i => Σ d < D, W' i d * x n d + b i)) (w n)).
    - apply logits_loss_convex; auto.
    - assert (E : forall i, mix t (fun i => Σ d < D, W i d * x n d + b i)
                                  (fun i => Σ d < D, W' i d * x n d + b i) i
                          = Σ d < D, mix_matrices t W W' i d * x n d + b i).
      { intros i. unfold mix_matrices, mix.
        rewrite (sum_ext D (fun d => (t * W i d + (1 - t) * W' i d) * x n d)
                           (fun d => t * (W i d * x n d) + (1 - t) * (W' i d * x n d))) by
          (intros; ring).
        rewrite sum_plus, !sum_scal_l. ring. }
      unfold logits_loss, log_sum_exp. rewrite E. f_equal. f_equal. apply sum_ext.
      intros i _. rewrite E. reflexivity. }
  split; [exact HL|]. unfold mean.
  assert (0 < / INR N) by (apply Rinv_0_lt_compat, lt_0_INR; auto).
  assert (Σ n < N, L n (mix_matrices t W W') <= t * (Σ n < N, L n W) + (1 - t) * (Σ n < N, L n W')).
  { rewrite <- !sum_scal_l, <- sum_plus. apply sum_le. exact HL. }
  unfold Rdiv. nra.
Qed.

(** e lies between 2.715 and 2.73. *)
Lemma exp_1_bounds : 2715 / 1000 < exp 1 < 273 / 100.
Proof.
  assert (L2 := ln_2_bounds).
  assert (H : forall x t, 0 <= t < 1 -> 0 < x -> 2 * (1 + t) / (1 - t) = x ->
            ln x = ln 2 + (ln (1 + t) - ln (1 - t))).
  { intros x t Ht Hx <-. rewrite <- ln_div, <- ln_mult by (try apply Rdiv_lt_0_compat; lra).
    f_equal. field. lra. }
  split; apply ln_lt_inv; try apply exp_pos; try lra; rewrite ln_exp.
  - rewrite (H (2715 / 1000) (715 / 4715)) by lra.
    assert (B := ln_ratio_bounds (715 / 4715)). lra.
  - rewrite (H (273 / 100) (73 / 473)) by lra.
    assert (B := ln_ratio_bounds (73 / 473)). lra.
Qed.

(** The loss of two words whose right one is ahead by the product of two weights. *)
Definition two_weights_loss (a b : R) : R := two_words_loss (a * b).

(* box: cex-weights
   Covers: the whole statement; both numbers, to the three decimals shown.
   Hypotheses: none.
   Cobre: o enunciado inteiro; os dois números, com as três casas mostradas.
   Hipóteses: nenhuma.
   Mutation: `< two_weights_loss (/ 2 * 2` becomes `> two_weights_loss (/ 2 * 2`. *)
Theorem not_convex_in_weights :
  175 / 10000 < two_weights_loss 2 2 < 185 / 10000 /\
  two_weights_loss (-2) (-2) = two_weights_loss 2 2 /\
  6925 / 10000 < two_weights_loss 0 0 < 6935 / 10000 /\
  / 2 * two_weights_loss 2 2 + (1 - / 2) * two_weights_loss (-2) (-2)
    < two_weights_loss (/ 2 * 2 + (1 - / 2) * -2) (/ 2 * 2 + (1 - / 2) * -2).
Proof.
  unfold two_weights_loss, two_words_loss.
  replace (-2 * -2) with (2 * 2) by ring.
  replace (/ 2 * 2 + (1 - / 2) * -2) with 0 by field.
  replace (- (0 * 0)) with 0 by ring. rewrite exp_0. replace (1 + 1) with 2 by ring.
  assert (L2 := ln_2_bounds). assert (E1 := exp_1_bounds).
  assert (E4 : exp (- (2 * 2)) * exp 1 ^ 4 = 1).
  { replace (exp 1 ^ 4) with (exp 4).
    - rewrite <- exp_plus. replace (- (2 * 2) + 4) with 0 by ring. apply exp_0.
    - replace 4 with (1 + 1 + 1 + 1) by ring. rewrite !exp_plus. simpl. ring. }
  assert (P : (2715 / 1000) ^ 4 <= exp 1 ^ 4 <= (273 / 100) ^ 4) by (split; apply pow_incr; lra).
  assert (X := exp_pos (- (2 * 2))). set (y := exp 1 ^ 4) in *. set (x := exp (- (2 * 2))) in *.
  assert (Hx : 18 / 1000 < x < 185 / 10000) by (split; nra).
  assert (B : 175 / 10000 < ln (1 + x) < 185 / 10000).
  { split.
    - assert (T := ln_le_tangent (/ (1 + x))). rewrite ln_Rinv in T by lra.
      assert (0 < / (1 + x)) by (apply Rinv_0_lt_compat; lra).
      assert (/ (1 + x) * (1 + x) = 1) by (field; lra). nra.
    - assert (T := ln_le_tangent (1 + x)). lra. }
  repeat split; lra.
Qed.

(** * What convexity guarantees *)

(** q differs from p by less than r in every entry. *)
Definition near (V : nat) (r : R) (p q : vector) : Prop :=
  forall i, (i < V)%nat -> Rabs (q i - p i) < r.

(** The mean loss of one context, whose words follow with the shares y. *)
Definition mean_logits_loss (V : nat) (y z : vector) : R := Σ i < V, y i * logits_loss V z i.

(** Every neighborhood of p holds an inner point of the segment to q. *)
Lemma near_on_segment V r p q : 0 < r -> exists t, 0 < t < 1 /\ near V r p (mix t q p).
Proof.
  intros Hr. set (s := Σ i < V, Rabs (q i - p i)).
  assert (Hs : 0 <= s) by (apply sum_nonneg; intros; apply Rabs_pos).
  exists (r / (r + 1 + s)). assert (Ht : 0 < r / (r + 1 + s)) by (apply Rdiv_lt_0_compat; lra).
  assert (E : r / (r + 1 + s) * (r + 1 + s) = r) by (field; lra).
  split; [split; [auto|nra]|]. intros i Hi. unfold mix.
  set (t := r / (r + 1 + s)) in *.
  replace (t * q i + (1 - t) * p i - p i) with (t * (q i - p i)) by ring.
  rewrite Rabs_mult, (Rabs_pos_eq t) by lra.
  assert (A : Rabs (q i - p i) <= s)
    by (apply (one_term_le V i (fun i => Rabs (q i - p i))); auto; intros; apply Rabs_pos).
  assert (B := Rabs_pos (q i - p i)). nra.
Qed.

Lemma cross_entropy_covered V y p : distribution V y ->
  (forall i, (i < V)%nat -> 0 < y i -> 0 < p i) ->
  cross_entropy V y p = Finite (- Σ i < V, y i * ln (p i)).
Proof.
  intros [Hy _] H. unfold cross_entropy. rewrite <- sum_opp. apply Rbar_sum_finite.
  intros i Hi. apply weighted_surprise; auto.
Qed.

Lemma cross_entropy_at_least_entropy V y q : distribution V y -> distribution V q ->
  Rbar_le (cross_entropy V y y) (cross_entropy V y q).
Proof.
  intros Hy Hq. destruct (gibbs V y q Hy Hq) as [-> [D _]].
  destruct (gibbs V y y Hy Hy) as [-> [_ D0]].
  replace (divergence V y y) with (Finite 0) by (symmetry; apply D0; intros i _; reflexivity).
  apply Rbar_plus_le_compat; [apply Rbar_le_refl|exact D].
Qed.

Lemma mean_logits_loss_is_cross_entropy V y z : distribution V y ->
  Finite (mean_logits_loss V y z) = cross_entropy V y (softmax V z).
Proof.
  intros Hy. assert (HV := distribution_some_word V y Hy).
  rewrite cross_entropy_covered by (auto; intros; apply softmax_pos; auto).
  f_equal. unfold mean_logits_loss, logits_loss. rewrite <- sum_opp. apply sum_ext.
  intros i _. rewrite ln_softmax by auto. ring.
Qed.

Lemma mean_logits_loss_convex V y z z' t : distribution V y -> 0 <= t <= 1 ->
  mean_logits_loss V y (mix t z z')
  <= t * mean_logits_loss V y z + (1 - t) * mean_logits_loss V y z'.
Proof.
  intros [Hy _] Ht. unfold mean_logits_loss. rewrite <- !sum_scal_l, <- sum_plus.
  apply sum_le. intros i Hi. assert (C := logits_loss_convex V i z z' t Hi Ht).
  specialize (Hy i Hi). nra.
Qed.

(* box: rem-guarantee, parts 1-3
   Covers: the first two bullets; of the third, that every local minimum is global.
   Hypotheses: y holds the shares of the words that follow one context, one-hot for one right
     word; near means in every entry by less than some $r > 0$.
   Cobre: os dois primeiros itens; do terceiro, que todo mínimo local é global.
   Hipóteses: y contém as proporções das palavras que seguem um contexto, one-hot para uma só
     palavra certa; perto significa por menos que algum $r > 0$ em cada entrada.
   Mutation: `y i = 0` becomes `0 < y i`. *)
Theorem guarantee V :
  (forall y p r, distribution V y -> distribution V p -> 0 < r ->
     (forall q, distribution V q -> near V r p q ->
        Rbar_le (cross_entropy V y p) (cross_entropy V y q)) ->
     forall q, distribution V q -> Rbar_le (cross_entropy V y p) (cross_entropy V y q)) /\
  (forall y z r, distribution V y -> 0 < r ->
     (forall z', near V r z z' -> mean_logits_loss V y z <= mean_logits_loss V y z') ->
     forall z', mean_logits_loss V y z <= mean_logits_loss V y z') /\
  (forall y i, distribution V y -> (i < V)%nat -> y i = 0 ->
     forall z, exists z', mean_logits_loss V y z' < mean_logits_loss V y z) /\
  (forall y, distribution V y -> (forall i, (i < V)%nat -> 0 < y i) ->
     exists z, forall z', mean_logits_loss V y z <= mean_logits_loss V y z' /\
       (mean_logits_loss V y z' = mean_logits_loss V y z <->
        exists c, forall i, (i < V)%nat -> z' i = z i + c)) /\
  (forall D N (x : nat -> vector) (w : nat -> nat), (forall n, (n < N)%nat -> (w n < V)%nat) ->
     (0 < N)%nat ->
     let mean W := (Σ n < N, logits_loss V (fun i => Σ d < D, W i d * x n d) (w n)) / INR N in
     forall W r, 0 < r ->
       (forall W', (forall i, (i < V)%nat -> near D r (W i) (W' i)) -> mean W <= mean W') ->
       forall W', mean W <= mean W').
Proof.
  split; [|split; [|split; [|split]]].
  - (* A step toward y makes the cross-entropy smaller, unless it is already the least. *)
    intros y p r Hy Hp Hr Hloc q Hq.
    apply Rbar_le_trans with (cross_entropy V y y); [|apply cross_entropy_at_least_entropy; auto].
    destruct (near_on_segment V r p y Hr) as [t [Ht Hnear]].
    assert (Hmix : distribution V (mix t y p)) by (apply mix_distribution; auto; lra).
    specialize (Hloc _ Hmix Hnear).
    assert (Hcov : forall i, (i < V)%nat -> 0 < y i -> 0 < mix t y p i).
    { intros i Hi Hyi. assert (Hpi := proj1 Hp i Hi). unfold mix. nra. }
    rewrite (cross_entropy_covered V y y), (cross_entropy_covered V y (mix t y p)) in * by auto.
    destruct (all_positive_or_not V y p (proj1 Hy)) as [Hpos|[k [Hk [Hyk Hpk]]]].
    + rewrite cross_entropy_covered in * by auto. simpl in *.
      assert (C : Σ i < V, y i * (t * ln (y i) + (1 - t) * ln (p i)) <= Σ i < V, y i * ln (mix t y p i)).
      { apply sum_le. intros i Hi. destruct (proj1 Hy i Hi) as [Hyi|Hyi]; [|rewrite <- Hyi; lra].
        apply Rmult_le_compat_l; [lra|].
        assert (Hpi := Hpos i Hi Hyi). assert (S := surprise_convex t (y i) (p i)).
        rewrite !weighted_surprise in S by lra.
        rewrite surprise_pos in S by (apply (Hcov i Hi Hyi)). simpl in S. unfold mix. lra. }
      rewrite (sum_ext V _ (fun i => t * (y i * ln (y i)) + (1 - t) * (y i * ln (p i)))) in C by
        (intros; ring).
      rewrite sum_plus, !sum_scal_l in C.
      set (a := Σ i < V, y i * ln (y i)) in *. set (b := Σ i < V, y i * ln (p i)) in *. nra.
    + exfalso. unfold cross_entropy in Hloc at 1. rewrite (Rbar_sum_infinite V _ k) in Hloc; auto.
      * intros. apply weighted_surprise_not_m_infty. apply Hy; auto.
      * apply weighted_surprise_infinite; auto.
  - intros y z r Hy Hr Hloc z'.
    destruct (near_on_segment V r z z' Hr) as [t [Ht Hnear]]. specialize (Hloc _ Hnear).
    assert (C := mean_logits_loss_convex V y z' z t Hy ltac:(lra)). nra.
  - (* The logit of a word that never follows can always go lower. *)
    intros y i Hy Hi Hyi z. exists (replaced z i (z i - 1)).
    assert (HV := distribution_some_word V y Hy).
    assert (E : forall z, mean_logits_loss V y z = log_sum_exp V z - Σ j < V, y j * z j).
    { intros u. unfold mean_logits_loss, logits_loss.
      rewrite (sum_ext V _ (fun j => y j * log_sum_exp V u - y j * u j)) by (intros; ring).
      rewrite sum_minus, sum_scal_r. destruct Hy as [_ S]. change (sum V y = 1) in S.
      change (sum V y * log_sum_exp V u - (Σ j < V, y j * u j) = log_sum_exp V u - Σ j < V, y j * u j).
      rewrite S. ring. }
    rewrite !E.
    rewrite (sum_ext V (fun j => y j * replaced z i (z i - 1) j) (fun j => y j * z j)).
    + cut (log_sum_exp V (replaced z i (z i - 1)) < log_sum_exp V z); [lra|].
      unfold log_sum_exp. apply ln_increasing; [apply normalizer_pos; auto|].
      apply sum_lt.
      * intros j _. unfold replaced. destruct (Nat.eq_dec j i) as [->|]; [|lra].
        left. apply exp_increasing. lra.
      * exists i. split; auto. unfold replaced. destruct (Nat.eq_dec i i); [|contradiction].
        apply exp_increasing. lra.
    + intros j _. unfold replaced. destruct (Nat.eq_dec j i) as [->|]; [rewrite Hyi; ring|reflexivity].
  - intros y Hy Hpos. exists (fun i => ln (y i)). assert (HV := distribution_some_word V y Hy).
    assert (N : Σ j < V, exp (ln (y j)) = 1).
    { rewrite (sum_ext V _ y) by (intros; apply exp_ln; auto). apply Hy. }
    assert (Es : same V (softmax V (fun i => ln (y i))) y).
    { intros i Hi. unfold softmax. rewrite N, exp_ln by auto. field. }
    assert (E : cross_entropy V y (softmax V (fun i => ln (y i))) = cross_entropy V y y).
    { unfold cross_entropy. apply Rbar_sum_ext. intros i Hi. rewrite Es by auto. reflexivity. }
    intros z'. assert (Hq : distribution V (softmax V z')) by (apply softmax_distribution; auto).
    split; [|split].
    + cut (Rbar_le (Finite (mean_logits_loss V y (fun i => ln (y i)))) (Finite (mean_logits_loss V y z')));
        [simpl; auto|].
      rewrite !mean_logits_loss_is_cross_entropy, E by auto. apply cross_entropy_at_least_entropy; auto.
    + intros Eq. apply (f_equal Finite) in Eq.
      rewrite !mean_logits_loss_is_cross_entropy, E in Eq by auto.
      destruct (gibbs V y (softmax V z') Hy Hq) as [G [_ [G0 _]]].
      destruct (gibbs V y y Hy Hy) as [G' [_ [_ G0']]].
      rewrite G, G', G0' in Eq by (intros i _; reflexivity).
      assert (S : same V y (softmax V z')).
      { apply G0. destruct (divergence V y (softmax V z')) as [d| |]; simpl in Eq; try discriminate.
        injection Eq as Eq. f_equal. lra. }
      exists (log_sum_exp V z'). intros i Hi. rewrite (S i Hi), ln_softmax by auto. ring.
    + intros [c Hc]. unfold mean_logits_loss. apply sum_ext. intros i Hi. f_equal.
      rewrite <- (proj2 (proj2 (proj2 (proj2 (proj2 (convex_in_logits V i Hi))))) (fun i => ln (y i)) c).
      unfold logits_loss, log_sum_exp. rewrite (Hc i Hi). f_equal. f_equal. apply sum_ext.
      intros j Hj. rewrite (Hc j Hj). reflexivity.
  - intros D N x w Hw HN mean W r Hr Hloc W'.
    (* One step along the segment that is short enough for every row. *)
    assert (Hstep : exists t, 0 < t < 1 /\
      forall i, (i < V)%nat -> near D r (W i) (mix_matrices t W' W i)).
    { clear Hw Hloc mean. induction V as [|U [t [Ht IH]]]; [exists (1 / 2); split; [lra|intros; lia]|].
      destruct (near_on_segment D r (W U) (W' U) Hr) as [s [Hs Hnear]].
      exists (Rmin s t). assert (Hmin : 0 < Rmin s t <= s /\ Rmin s t <= t).
      { split; [split; [apply Rmin_pos; lra|apply Rmin_l]|apply Rmin_r]. }
      split; [lra|].
      assert (Hshorter : forall i u u', 0 < u <= u' -> near D r (W i) (mix u' (W' i) (W i)) ->
                near D r (W i) (mix u (W' i) (W i))).
      { intros i u u' Hu H d Hd. specialize (H d Hd). unfold mix in *.
        replace (u' * W' i d + (1 - u') * W i d - W i d) with (u' * (W' i d - W i d)) in H by ring.
        replace (u * W' i d + (1 - u) * W i d - W i d) with (u * (W' i d - W i d)) by ring.
        rewrite Rabs_mult, Rabs_pos_eq in * by lra.
        assert (P := Rabs_pos (W' i d - W i d)). nra. }
      intros i Hi. destruct (Nat.eq_dec i U) as [->|].
      - apply (Hshorter U (Rmin s t) s); [lra|exact Hnear].
      - apply (Hshorter i (Rmin s t) t); [lra|apply IH; lia]. }
    destruct Hstep as [t [Ht Hnear]]. specialize (Hloc _ Hnear).
    destruct (convex_in_linear_weights V D N x (fun _ => 0) w HN Hw W' W t ltac:(lra)) as [_ C].
    assert (E : forall A, (Σ n < N, logits_loss V (fun i => Σ d < D, A i d * x n d + 0) (w n)) / INR N = mean A).
    { intros A. unfold mean. f_equal. apply sum_ext. intros n _. unfold logits_loss, log_sum_exp.
      rewrite Rplus_0_r. f_equal. f_equal. apply sum_ext. intros i _. rewrite Rplus_0_r. reflexivity. }
    rewrite !E in C. nra.
Qed.
