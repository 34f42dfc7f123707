(** Chapter 8: what a training adds up, caps and steps along. *)

From NWP Require Import definitions convexity sums.

(** * The mean of a batch *)

(** Sorted by parts: word t < N is in the part g t < K. *)
Lemma sum_by_parts N K (g : nat -> nat) f : (forall t, (t < N)%nat -> (g t < K)%nat) ->
  Σ i < K, (Σ t < N, one_hot (g t) i * f t) = Σ t < N, f t.
Proof.
  intros H. rewrite sum_swap. apply sum_ext. intros t Ht.
  apply (sum_one_hot K (g t) (fun _ => f t)); auto.
Qed.

(* box: prop-global-mean
   Covers: the whole statement, for the derivative in any one weight; that the two can differ, by
     an example.
   Hypotheses: the batch has N words, at least one; each word belongs to one part, and its loss is
     a function of the weights that has a derivative; for the mean of means every part has a word.
   Cobre: o enunciado inteiro, para a derivada em um peso qualquer; que as duas podem diferir, por
     um exemplo.
   Hipóteses: o lote tem N palavras, ao menos uma; cada palavra pertence a uma parte, e sua perda
     é uma função dos pesos que tem derivada; para a média das médias, toda parte tem uma palavra.
   Mutation: `(forall i, (i < K)%nat -> size i = size 0%nat)` becomes `True`. *)
Theorem mean_from_parts N K (g : nat -> nat) (l : nat -> vector -> R) (θ : vector) j (d : nat -> R) :
  (0 < N)%nat -> (forall t, (t < N)%nat -> (g t < K)%nat) ->
  (forall t, (t < N)%nat -> is_partial (l t) θ j (d t)) ->
  let size i := Σ t < N, one_hot (g t) i * 1 in
  let S i θ := Σ t < N, one_hot (g t) i * l t θ in
  let dS i := Σ t < N, one_hot (g t) i * d t in
  (Σ i < K, size i = INR N) /\
  (forall θ, (Σ t < N, l t θ) / INR N = (Σ i < K, S i θ) / INR N) /\
  is_partial (fun θ => (Σ t < N, l t θ) / INR N) θ j ((Σ i < K, dS i) / INR N) /\
  ((forall i, (i < K)%nat -> 0 < size i) ->
   is_partial (fun θ => (Σ i < K, S i θ / size i) / INR K) θ j ((Σ i < K, dS i / size i) / INR K) /\
   ((forall i, (i < K)%nat -> size i = size 0%nat) ->
    (Σ i < K, dS i / size i) / INR K = (Σ i < K, dS i) / INR N) /\
   ((forall i, (i < K)%nat -> dS i / size i = dS 0%nat / size 0%nat) ->
    (Σ i < K, dS i / size i) / INR K = (Σ i < K, dS i) / INR N)).
Proof.
  intros HN Hg Hd size S dS. assert (HNR : 0 < INR N) by (apply lt_0_INR; auto).
  assert (Hsize : Σ i < K, size i = INR N)
    by (unfold size; rewrite (sum_by_parts N K g (fun _ => 1) Hg), sum_const; ring).
  change (sum K size = INR N) in Hsize.
  assert (HdS : Σ i < K, dS i = Σ t < N, d t) by (apply sum_by_parts; auto).
  split; [exact Hsize|]. split; [|split].
  - intros u. f_equal. symmetry. apply (sum_by_parts N K g (fun t => l t u) Hg).
  - unfold is_partial. rewrite HdS. apply is_derive_quotient.
    apply (is_derive_sum N (fun t x => l t (replaced θ j x))). exact Hd.
  - intros Hpos. assert (HK : (0 < K)%nat) by (specialize (Hg O HN); lia).
    assert (HKR : 0 < INR K) by (apply lt_0_INR; auto). split; [|split].
    + unfold is_partial. apply is_derive_quotient.
      apply (is_derive_sum K (fun i x => S i (replaced θ j x) / size i)). intros i Hi.
      apply is_derive_quotient.
      apply (is_derive_sum N (fun t x => one_hot (g t) i * l t (replaced θ j x))). intros t Ht.
      apply (is_derive_scal (fun x => l t (replaced θ j x)) (θ j) (one_hot (g t) i) (d t)).
      apply Hd; auto.
    + intros Hsame. assert (Hn : INR N = INR K * size O).
      { rewrite <- Hsize. change (sum K size = INR K * size O).
        rewrite (sum_ext K size (fun _ => size O)) by auto. apply sum_const. }
      rewrite (sum_ext K _ (fun i => dS i / size O)) by (intros i Hi; rewrite Hsame; auto).
      rewrite sum_div, Hn. assert (P := Hpos O HK).
      change (sum K dS / size O / INR K = sum K dS / (INR K * size O)). field. lra.
    + intros Hsame. set (c := dS O / size O) in *.
      rewrite (sum_ext K (fun i => dS i / size i) (fun _ => c)) by auto.
      rewrite (sum_ext K (fun i => dS i) (fun i => c * size i)).
      * rewrite sum_const, sum_scal_l.
        change (INR K * c / INR K = c * sum K size / INR N).
        rewrite Hsize. field. lra.
      * intros i Hi. rewrite <- (Hsame i Hi). field. assert (P := Hpos i Hi). lra.
Qed.

(** Two parts, of one word and of two; only the first word's loss moves. *)
Example the_two_can_differ :
  let d t := match t with O => 1 | _ => 0 end in
  let size i := match i with O => 1 | _ => 2 end in
  let dS i := match i with O => d 0%nat | _ => d 1%nat + d 2%nat end in
  (Σ i < 2, dS i / size i) / 2 <> (Σ i < 2, dS i) / 3.
Proof. simpl. lra. Qed.

(** * A soft cap *)

Definition soft_cap (c : R) (z : vector) : vector := fun i => c * tanh (z i / c).

Lemma tanh_exp x : tanh x = 1 - 2 / (exp (2 * x) + 1).
Proof.
  unfold tanh, sinh, cosh. replace (2 * x) with (x + x) by ring. rewrite exp_plus, exp_Ropp.
  assert (E := exp_pos x). field. split; nra.
Qed.

Lemma tanh_bounds x : -1 < tanh x < 1.
Proof.
  rewrite tanh_exp. assert (E := exp_pos (2 * x)).
  assert (H : 2 / (exp (2 * x) + 1) * (exp (2 * x) + 1) = 2) by (field; lra).
  set (q := 2 / (exp (2 * x) + 1)) in *. split; nra.
Qed.

Lemma tanh_near_one e : 0 < e -> exists x, 1 - e < tanh x.
Proof.
  intros He. exists (ln (1 + 2 / e)). rewrite tanh_exp.
  assert (Hq : 0 < 2 / e) by (apply Rdiv_lt_0_compat; lra).
  replace (2 * ln (1 + 2 / e)) with (ln (1 + 2 / e) + ln (1 + 2 / e)) by ring.
  rewrite exp_plus, exp_ln by lra. set (y := 1 + 2 / e).
  assert (Hy : e * (y - 1) = 2) by (unfold y; field; lra).
  assert (H : 2 / (y * y + 1) * (y * y + 1) = 2) by (field; nra).
  assert (1 < y) by (unfold y; lra). set (q := 2 / (y * y + 1)) in *. nra.
Qed.

Lemma tanh_odd x : tanh (- x) = - tanh x.
Proof. unfold tanh, sinh, cosh. rewrite Ropp_involutive. field. assert (A := exp_pos x). assert (B := exp_pos (- x)). lra. Qed.

(** The loss of the word w, by how far the others lead it. *)
Lemma logits_loss_by_leads V z w : (w < V)%nat ->
  logits_loss V z w = ln (1 + others V w (fun j => exp (z j - z w))).
Proof.
  intros Hw. unfold logits_loss, log_sum_exp.
  replace (Σ j < V, exp (z j)) with (exp (z w) * (1 + others V w (fun j => exp (z j - z w)))).
  - rewrite ln_mult, ln_exp; [ring|apply exp_pos|].
    assert (0 <= others V w (fun j => exp (z j - z w))); [|lra].
    apply others_nonneg. intros. left. apply exp_pos.
  - rewrite (sum_others V w (fun j => exp (z j))) by auto.
    unfold others. rewrite Rmult_plus_distr_l, <- sum_scal_l, Rmult_1_r. f_equal.
    apply sum_ext. intros j _. destruct (Nat.eq_dec j w); [ring|].
    rewrite <- exp_plus. f_equal. ring.
Qed.

Lemma others_const n k c : (k < n)%nat -> others n k (fun _ => c) = (INR n - 1) * c.
Proof. intros Hk. assert (H := sum_others n k (fun _ => c) Hk). rewrite sum_const in H. lra. Qed.

(* box: prop-softcap
   Covers: the whole statement; that both bounds are approached, for the loss.
   Hypotheses: c > 0; at least two words; all z are finite.
   Cobre: o enunciado inteiro; que os dois limites são aproximados, para a perda.
   Hipóteses: c > 0; ao menos duas palavras; todos os z são finitos.
   Mutation: `exp (- (2 * c))) < logits_loss` becomes `exp (- c)) < logits_loss`. *)
Theorem soft_cap_bounds V c w : 0 < c -> (2 <= V)%nat -> (w < V)%nat ->
  let L z := logits_loss V (soft_cap c z) w in
  let K := INR V - 1 in
  (forall z, / (1 + K * exp (2 * c)) < softmax V (soft_cap c z) w < / (1 + K * exp (- (2 * c)))) /\
  (forall z, ln (1 + K * exp (- (2 * c))) < logits_loss V (soft_cap c z) w < ln (1 + K * exp (2 * c))) /\
  (forall e, 0 < e -> exists z, L z < ln (1 + K * exp (- (2 * c))) + e) /\
  (forall e, 0 < e -> exists z, ln (1 + K * exp (2 * c)) - e < L z).
Proof.
  intros Hc HV Hw L K.
  assert (HK : 1 <= K) by (unfold K; apply le_INR in HV; simpl in HV; lra).
  assert (Hother : exists i, (i < V)%nat /\ i <> w) by (destruct w; [exists 1%nat|exists O]; lia).
  assert (Hcap : forall z i, - c < soft_cap c z i < c).
  { intros z i. unfold soft_cap. assert (B := tanh_bounds (z i / c)). split; nra. }
  assert (Hrest : forall z, K * exp (- (2 * c)) < others V w (fun j => exp (soft_cap c z j - soft_cap c z w))
                            < K * exp (2 * c)).
  { intros z. unfold K. rewrite <- !(others_const V w) by auto.
    split; apply others_lt; auto; intros j Hj Hne; apply exp_increasing;
      assert (A := Hcap z j); assert (B := Hcap z w); lra. }
  assert (HL : forall z, logits_loss V (soft_cap c z) w
                         = ln (1 + others V w (fun j => exp (soft_cap c z j - soft_cap c z w))))
    by (intros; apply logits_loss_by_leads; auto).
  assert (E1 := exp_pos (2 * c)). assert (E2 := exp_pos (- (2 * c))).
  assert (Hloss : forall z, ln (1 + K * exp (- (2 * c))) < logits_loss V (soft_cap c z) w
                            < ln (1 + K * exp (2 * c))).
  { intros z. rewrite HL. assert (R := Hrest z). split; apply ln_increasing; nra. }
  split; [|split; [exact Hloss|]].
  - intros z. assert (H := Hloss z). assert (P := softmax_pos V (soft_cap c z) w ltac:(lia)).
    assert (E : logits_loss V (soft_cap c z) w = - ln (softmax V (soft_cap c z) w)).
    { rewrite ln_softmax by lia. unfold logits_loss. ring. }
    rewrite E in H. split; apply ln_lt_inv; rewrite ?ln_Rinv; try apply Rinv_0_lt_compat; nra.
  - (* The right word at one end of the cap, all others at the other. *)
    assert (Hend : forall e s, 0 < e -> s = 1 \/ s = -1 -> exists z a, c - e / 2 < a < c /\
      others V w (fun j => exp (soft_cap c z j - soft_cap c z w)) = K * exp (- (2 * (s * a)))).
    { intros e s He Hs. destruct (tanh_near_one (e / (2 * c))) as [x Hx];
        [apply Rdiv_lt_0_compat; lra|].
      exists (fun j => if Nat.eq_dec j w then s * (c * x) else - (s * (c * x))), (c * tanh x).
      assert (B := tanh_bounds x). split.
      - assert (E : c * (e / (2 * c)) = e / 2) by (field; lra). split; nra.
      - unfold K. rewrite <- (others_const V w) by auto. apply sum_ext. intros j Hj.
        unfold soft_cap. destruct (Nat.eq_dec j w); [reflexivity|].
        destruct (Nat.eq_dec w w); [|contradiction]. f_equal.
        destruct Hs as [-> | ->].
        + replace (- (1 * (c * x)) / c) with (- x) by (field; lra).
          replace (1 * (c * x) / c) with x by (field; lra). rewrite tanh_odd. ring.
        + replace (- (-1 * (c * x)) / c) with x by (field; lra).
          replace (-1 * (c * x) / c) with (- x) by (field; lra). rewrite tanh_odd. ring. }
    split.
    + intros e He. destruct (Hend e 1 He) as [z [a [Ha E]]]; [auto|]. exists z. unfold L.
      rewrite HL, E.
      apply Rlt_le_trans with (ln ((1 + K * exp (- (2 * c))) * exp (2 * (c - a)))).
      * assert (X : exp (- (2 * (1 * a))) = exp (- (2 * c)) * exp (2 * (c - a)))
          by (rewrite <- exp_plus; f_equal; ring).
        assert (1 < exp (2 * (c - a))) by (rewrite <- exp_0; apply exp_increasing; lra).
        assert (0 < K * (exp (- (2 * c)) * exp (2 * (c - a))))
          by (repeat apply Rmult_lt_0_compat; lra).
        rewrite X. apply ln_increasing; lra.
      * rewrite ln_mult, ln_exp; [lra|nra|apply exp_pos].
    + intros e He. destruct (Hend e (-1) He) as [z [a [Ha E]]]; [auto|]. exists z. unfold L.
      rewrite HL, E.
      apply Rle_lt_trans with (ln ((1 + K * exp (2 * c)) * exp (- (2 * (c - a))))).
      * rewrite ln_mult, ln_exp; [lra|nra|apply exp_pos].
      * assert (X : exp (- (2 * (-1 * a))) = exp (2 * c) * exp (- (2 * (c - a))))
          by (rewrite <- exp_plus; f_equal; ring).
        assert (Y := exp_pos (- (2 * (c - a)))).
        assert (exp (- (2 * (c - a))) < 1) by (rewrite <- exp_0; apply exp_increasing; lra).
        assert (0 < K * exp (2 * c)) by (apply Rmult_lt_0_compat; lra).
        rewrite X. apply ln_increasing; [apply Rmult_lt_0_compat|]; lra.
Qed.

(** * The steepest step in the spectral norm *)

Definition orthonormal_columns (n r : nat) (U : nat -> nat -> R) : Prop :=
  forall k l, (k < r)%nat -> (l < r)%nat -> Σ i < n, (U i k * U i l) = one_hot k l.

(** The inner product of two matrices of m rows and n columns, tr(A^T B). *)
Definition matrix_inner (m n : nat) (A B : nat -> nat -> R) : R :=
  Σ i < m, (Σ j < n, (A i j * B i j)).

(** The spectral norm of A is at most eta: no vector becomes longer than eta times. *)
Definition spectral_norm_at_most (m n : nat) (A : nat -> nat -> R) (eta : R) : Prop :=
  forall x, Σ i < m, ((Σ j < n, A i j * x j) * (Σ j < n, A i j * x j))
            <= eta * eta * Σ j < n, (x j * x j).

(** Orthonormal columns keep lengths. *)
Lemma length_of_combination n r U y : orthonormal_columns n r U ->
  Σ i < n, ((Σ k < r, U i k * y k) * (Σ k < r, U i k * y k)) = Σ k < r, (y k * y k).
Proof.
  intros HU.
  rewrite (sum_ext n _ (fun i => Σ k < r, (Σ l < r, (y k * y l * (U i k * U i l))))).
  - rewrite sum_swap. apply sum_ext. intros k Hk. rewrite sum_swap.
    rewrite (sum_ext r _ (fun l => one_hot k l * (y k * y l))).
    + apply (sum_one_hot r k (fun l => y k * y l)); auto.
    + intros l Hl. rewrite sum_scal_l, HU by auto. ring.
  - intros i _. rewrite <- sum_scal_r. apply sum_ext. intros k _.
    rewrite <- sum_scal_l. apply sum_ext. intros l _. ring.
Qed.

(** Bessel's inequality. *)
Lemma bessel n r U x : orthonormal_columns n r U ->
  Σ k < r, ((Σ j < n, U j k * x j) * (Σ j < n, U j k * x j)) <= Σ j < n, (x j * x j).
Proof.
  intros HU. set (y := fun k => Σ j < n, U j k * x j).
  assert (P : 0 <= Σ j < n, ((x j - Σ k < r, U j k * y k) * (x j - Σ k < r, U j k * y k)))
    by (apply sum_nonneg; intros; apply Rle_0_sqr).
  assert (C : Σ j < n, (x j * (Σ k < r, U j k * y k)) = Σ k < r, (y k * y k)).
  { rewrite (sum_ext n _ (fun j => Σ k < r, (y k * (U j k * x j)))).
    - rewrite sum_swap. apply sum_ext. intros k _. rewrite sum_scal_l. reflexivity.
    - intros j _. rewrite <- sum_scal_l. apply sum_ext. intros. ring. }
  rewrite (sum_ext n _ (fun j => x j * x j - 2 * (x j * (Σ k < r, U j k * y k))
    + (Σ k < r, U j k * y k) * (Σ k < r, U j k * y k))) in P by (intros; ring).
  rewrite sum_plus, sum_minus, sum_scal_l, C, length_of_combination in P by auto.
  change (Σ k < r, (y k * y k) <= Σ j < n, (x j * x j)). lra.
Qed.

(* box: prop-muon
   Covers: the whole statement, for a given singular value decomposition; that every matrix has
     one is not covered.
   Hypotheses: eta > 0; the columns of U and of W (the book's V) are orthonormal, and the singular
     values s positive. That G is not 0 is not needed.
   Cobre: o enunciado inteiro, para uma decomposição em valores singulares dada; que toda matriz
     tem uma não é coberto.
   Hipóteses: eta > 0; as colunas de U e de W (a matriz V do livro) são ortonormais, e os valores
     singulares s, positivos. Não é preciso que G seja diferente de 0.
   Mutation: `(forall k, (k < r)%nat -> 0 < s k)` becomes `True`. *)
Theorem steepest_step m n r (U W : nat -> nat -> R) (s : nat -> R) eta :
  0 < eta -> (forall k, (k < r)%nat -> 0 < s k) ->
  orthonormal_columns m r U -> orthonormal_columns n r W ->
  let G i j := Σ k < r, (U i k * s k * W j k) in
  let step i j := - eta * Σ k < r, (U i k * W j k) in
  spectral_norm_at_most m n step eta /\
  matrix_inner m n G step = - eta * sum r s /\
  forall D, spectral_norm_at_most m n D eta -> matrix_inner m n G step <= matrix_inner m n G D.
Proof.
  intros Heta Hs HU HW G step.
  (* How far D turns the k-th right vector to the k-th left one. *)
  set (turn := fun D k => Σ i < m, (U i k * (Σ j < n, D i j * W j k))).
  assert (HG : forall D, matrix_inner m n G D = Σ k < r, (s k * turn D k)).
  { intros D. unfold matrix_inner, G, turn.
    rewrite (sum_ext m _ (fun i => Σ k < r, (s k * (U i k * (Σ j < n, D i j * W j k))))).
    - rewrite sum_swap. apply sum_ext. intros k _. apply sum_scal_l.
    - intros i _. rewrite (sum_ext n _ (fun j => Σ k < r, (s k * U i k * (D i j * W j k)))).
      + rewrite sum_swap. apply sum_ext. intros k _. rewrite sum_scal_l. ring.
      + intros j _. rewrite <- sum_scal_r. apply sum_ext. intros k _. ring. }
  assert (Hstep : forall k, (k < r)%nat -> turn step k = - eta).
  { intros k Hk. unfold turn, step.
    assert (E : forall i, Σ j < n, (- eta * (Σ l < r, U i l * W j l) * W j k) = - eta * U i k).
    { intros i. rewrite (sum_ext n _ (fun j => Σ l < r, (- eta * U i l * (W j l * W j k)))).
      - rewrite sum_swap. rewrite (sum_ext r _ (fun l => one_hot k l * (- eta * U i l))).
        + apply (sum_one_hot r k (fun l => - eta * U i l)); auto.
        + intros l Hl. rewrite sum_scal_l, HW by auto. unfold one_hot.
          destruct (Nat.eq_dec k l), (Nat.eq_dec l k); try congruence; ring.
      - intros j _. rewrite Rmult_assoc, (Rmult_comm (Σ l < r, U i l * W j l)).
        rewrite <- !sum_scal_l. apply sum_ext. intros. ring. }
    rewrite (sum_ext m _ (fun i => - eta * (U i k * U i k))) by (intros i _; rewrite E; ring).
    rewrite sum_scal_l, HU, one_hot_same by auto. ring. }
  assert (Hinner : matrix_inner m n G step = - eta * sum r s).
  { rewrite HG, (sum_ext r _ (fun k => - eta * s k)) by (intros k Hk; rewrite Hstep by auto; ring).
    apply sum_scal_l. }
  split; [|split; [exact Hinner|]].
  - intros x. set (y := fun k => Σ j < n, W j k * x j).
    assert (E : forall i, Σ j < n, (step i j * x j) = - eta * (Σ k < r, U i k * y k)).
    { intros i. unfold step, y. rewrite <- sum_scal_l.
      rewrite (sum_ext n _ (fun j => Σ k < r, (- eta * U i k * (W j k * x j)))).
      - rewrite sum_swap. apply sum_ext. intros k _. rewrite sum_scal_l. ring.
      - intros j _. rewrite Rmult_assoc, (Rmult_comm (Σ k < r, U i k * W j k)).
        rewrite <- !sum_scal_l. apply sum_ext. intros. ring. }
    rewrite (sum_ext m _ (fun i => eta * eta * ((Σ k < r, U i k * y k) * (Σ k < r, U i k * y k)))) by
      (intros i _; rewrite E; ring).
    rewrite sum_scal_l, length_of_combination by auto.
    apply Rmult_le_compat_l; [nra|]. apply (bessel n r W x HW).
  - intros D HD. rewrite Hinner, HG, <- sum_scal_l. apply sum_le. intros k Hk.
    rewrite Rmult_comm. apply Rmult_le_compat_l; [left; auto|].
    (* The square of eta u + D v is not negative. *)
    set (a := fun i => Σ j < n, D i j * W j k).
    assert (Ha : Σ i < m, (a i * a i) <= eta * eta).
    { assert (H := HD (fun j => W j k)). cbv beta in H. rewrite (HW k k Hk Hk), one_hot_same in H.
      fold a in H. unfold a. lra. }
    assert (P : 0 <= Σ i < m, ((eta * U i k + a i) * (eta * U i k + a i)))
      by (apply sum_nonneg; intros; apply Rle_0_sqr).
    rewrite (sum_ext m _ (fun i => eta * eta * (U i k * U i k) + 2 * eta * (U i k * a i) + a i * a i)) in P
      by (intros; ring).
    rewrite !sum_plus, !sum_scal_l, HU, one_hot_same in P by auto.
    change (Σ i < m, (U i k * a i)) with (turn D k) in P. nra.
Qed.
