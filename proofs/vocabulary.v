(** Chapter 6: a large vocabulary. *)

From NWP Require Import definitions loss convexity sums weights.

(* box: obs-lookup
   Covers: that both numbers are the same, and that the loss depends on one probability; the
     numbers read are not counted.
   Hypotheses: the target is one word; $0 \cdot \log 0 = 0$.
   Cobre: que os dois números são iguais, e que a perda depende de uma só probabilidade; os
     números lidos não são contados.
   Hipóteses: o alvo é uma só palavra; $0 \cdot \log 0 = 0$.
   Mutation: `q' w = q w ->` becomes `q' w <= q w ->`. *)
Theorem lookup_needs_one_probability V q w : (w < V)%nat ->
  cross_entropy V (one_hot w) q = loss q w /\ loss q w = surprise (q w) /\
  (forall q', q' w = q w -> loss q' w = loss q w).
Proof.
  intros Hw. split; [apply lookup_is_inner_product; auto|split; [reflexivity|]].
  intros q' E. unfold loss. rewrite E. reflexivity.
Qed.

(** * Every logit counts *)

(** By how much the other words together lead the right one. *)
Definition lead (V w : nat) (z : vector) : R := ln (others V w (fun j => exp (z j))) - z w.

(** The logistic function. *)
Definition sigma (u : R) : R := 1 / (1 + exp (- u)).

(** The softmax over the other words alone, with 0 at w. *)
Definition softmax_others (V w : nat) (z : vector) : vector :=
  fun j => if Nat.eq_dec j w then 0 else exp (z j) / others V w (fun j => exp (z j)).

Lemma others_exp_pos V w z : (2 <= V)%nat -> 0 < others V w (fun j => exp (z j)).
Proof.
  intros HV. apply others_pos; [intros; apply exp_pos|apply another_word; auto].
Qed.

Lemma exp_lead V w z : (2 <= V)%nat ->
  exp (lead V w z) = others V w (fun j => exp (z j)) / exp (z w).
Proof.
  intros HV. unfold lead, Rminus. rewrite exp_plus, exp_Ropp, exp_ln; [reflexivity|].
  apply others_exp_pos. auto.
Qed.

Lemma logits_loss_lead V w z : (2 <= V)%nat -> (w < V)%nat ->
  logits_loss V z w = ln (1 + exp (lead V w z)).
Proof.
  intros HV Hw. assert (O := others_exp_pos V w z HV). assert (E := exp_pos (z w)).
  rewrite exp_lead by auto. unfold logits_loss, log_sum_exp.
  rewrite (sum_others V w (fun j => exp (z j))) by auto.
  replace (1 + others V w (fun j => exp (z j)) / exp (z w))
    with ((exp (z w) + others V w (fun j => exp (z j))) / exp (z w)) by (field; lra).
  rewrite ln_div, ln_exp by lra. ring.
Qed.

(* box: prop-no-cancellation
   Covers: the formulas of the loss and of the gradient; rounding is not covered.
   Hypotheses: finite logits of at least two words.
   Cobre: as fórmulas da perda e do gradiente; o arredondamento não é coberto.
   Hipóteses: logits finitos de pelo menos duas palavras.
   Mutation: `ln (1 + exp d)` becomes `ln (1 + exp (- d))`. *)
Theorem without_cancellation V w z : (2 <= V)%nat -> (w < V)%nat ->
  let d := lead V w z in
  let q := softmax_others V w z in
  distribution V q /\ q w = 0 /\
  logits_loss V z w = ln (1 + exp d) /\
  (forall i, (i < V)%nat ->
    is_partial (fun z => logits_loss V z w) z i (sigma d * (q i - one_hot w i))).
Proof.
  intros HV Hw d q. assert (O := others_exp_pos V w z HV). assert (E := exp_pos (z w)).
  split; [split|split; [|split]].
  - intros i _. unfold q, softmax_others. destruct (Nat.eq_dec i w); [lra|].
    left. apply Rdiv_lt_0_compat; [apply exp_pos|auto].
  - unfold q, softmax_others.
    rewrite (sum_ext V _ (fun j => (if Nat.eq_dec j w then 0 else exp (z j))
                                   / others V w (fun j => exp (z j)))).
    + rewrite sum_div. apply Rinv_r. unfold others in *. lra.
    + intros j _. destruct (Nat.eq_dec j w); [field; lra|reflexivity].
  - unfold q, softmax_others. destruct (Nat.eq_dec w w); [reflexivity|contradiction].
  - apply logits_loss_lead; auto.
  - intros i Hi. replace (sigma d * (q i - one_hot w i)) with (softmax V z i - one_hot w i);
      [apply gradient_in_logits; auto|].
    unfold sigma, d. rewrite exp_Ropp, exp_lead by auto.
    unfold softmax. rewrite (sum_others V w (fun j => exp (z j))) by auto.
    unfold q, softmax_others, one_hot. destruct (Nat.eq_dec i w) as [->|]; field; lra.
Qed.

(* box: prop-normalizer
   Covers: the whole statement; a method that does not read a logit gives the same answer for all
     its values.
   Hypotheses: finite logits of at least two words, otherwise arbitrary; exact arithmetic.
   Cobre: o enunciado inteiro; um método que não lê um logit dá a mesma resposta para todos os
     seus valores.
   Hipóteses: logits finitos de pelo menos duas palavras, de resto arbitrários; aritmética exata.
   Mutation: `(j <> w -> z j < x ->` becomes `(z j < x ->`. *)
Theorem every_logit_counts V w z j x : (2 <= V)%nat -> (w < V)%nat -> (j < V)%nat ->
  let L := fun z => logits_loss V z w in
  (j <> w -> z j < x -> L z < L (replaced z j x)) /\
  (j = w -> z j < x -> L (replaced z j x) < L z) /\
  (* A method that gives the same answer for every value of z[j] is wrong for some value. *)
  (forall answer : vector -> R, (forall x, answer (replaced z j x) = answer z) ->
    exists x, answer (replaced z j x) <> L (replaced z j x)).
Proof.
  intros HV Hw Hj L.
  (* The loss rises with the lead of the other words. *)
  assert (Rise : forall z z', exp (lead V w z) < exp (lead V w z') -> L z < L z').
  { intros z1 z2 H. unfold L. rewrite !logits_loss_lead by auto.
    apply ln_increasing; [assert (P := exp_pos (lead V w z1)); lra|lra]. }
  assert (Up : forall x, j <> w -> z j < x -> L z < L (replaced z j x)).
  { intros y Hjw Hx. apply Rise. rewrite !exp_lead by auto.
    replace (replaced z j y w) with (z w)
      by (unfold replaced; destruct (Nat.eq_dec w j); congruence).
    apply Rmult_lt_compat_r; [apply Rinv_0_lt_compat, exp_pos|]. unfold others. apply sum_lt.
    - intros i _. destruct (Nat.eq_dec i w); [lra|]. unfold replaced.
      destruct (Nat.eq_dec i j) as [->|]; [left; apply exp_increasing; auto|lra].
    - exists j. split; auto. destruct (Nat.eq_dec j w); [contradiction|]. unfold replaced.
      destruct (Nat.eq_dec j j); [apply exp_increasing; auto|contradiction]. }
  assert (Down : forall x, j = w -> z j < x -> L (replaced z j x) < L z).
  { intros y -> Hx. apply Rise. rewrite !exp_lead by auto.
    rewrite (others_ext V w (fun i => exp (replaced z w y i)) (fun i => exp (z i)))
      by (intros i _ Hi; unfold replaced; destruct (Nat.eq_dec i w); congruence).
    replace (replaced z w y w) with y
      by (unfold replaced; destruct (Nat.eq_dec w w); congruence).
    apply Rmult_lt_compat_l; [apply others_exp_pos; auto|].
    apply Rinv_lt_contravar; [apply Rmult_lt_0_compat; apply exp_pos|apply exp_increasing; auto]. }
  split; [apply Up|split; [apply Down|]]. intros answer Ha.
  (* One of the values z[j] and z[j] + 1 must be wrong: the loss differs, the answer does not. *)
  assert (D : L (replaced z j (z j + 1)) <> L z).
  { destruct (Nat.eq_dec j w) as [Hjw|Hjw].
    - specialize (Down (z j + 1) Hjw ltac:(lra)). lra.
    - specialize (Up (z j + 1) Hjw ltac:(lra)). lra. }
  assert (E : L (replaced z j (z j)) = L z).
  { apply logits_loss_ext; auto. intros i _. apply replaced_same. }
  destruct (Req_dec (answer z) (L z)) as [A|A].
  - exists (z j + 1). rewrite Ha, A. auto.
  - exists (z j). rewrite Ha, E. exact A.
Qed.

(** * Three matrix products *)

Definition transposed (A : matrix) : matrix := fun i j => A j i.

(** The product of A, with n columns, and B, with n rows. *)
Definition product (n : nat) (A B : matrix) : matrix := fun i j => Σ k < n, A i k * B k j.

Lemma product_logits D (H W : matrix) n v : product D H (transposed W) n v = linear_logits D W (H n) v.
Proof. apply sum_ext. intros. unfold transposed. ring. Qed.

(* box: prop-products
   Covers: both gradients; operations are not counted.
   Hypotheses: the logits are $Z = H W^{\mathsf T}$; all N targets count.
   Cobre: os dois gradientes; as operações não são contadas.
   Hipóteses: os logits são $Z = H W^{\mathsf T}$; todos os N alvos contam.
   Mutation: `(product V G W n d)` becomes `(product V G H n d)`. *)
Theorem three_products N V D (w : nat -> nat) (H W : matrix) :
  (forall n, (n < N)%nat -> (w n < V)%nat) ->
  let L := fun H W => logits_mean_loss N V w (product D H (transposed W)) in
  (* The rows (prediction - truth) / N. *)
  let G := mean_error N V w (product D H (transposed W)) in
  (forall n d, (n < N)%nat -> (d < D)%nat ->
    is_partial2 (fun H => L H W) H n d (product V G W n d)) /\
  (forall v d, (v < V)%nat -> (d < D)%nat ->
    is_partial2 (fun W => L H W) W v d (product N (transposed G) H v d)).
Proof.
  intros Hw L G.
  assert (EL : forall H W, L H W = logits_mean_loss N V w (fun n => linear_logits D W (H n))).
  { intros H0 W0. unfold L, logits_mean_loss. f_equal. apply sum_ext. intros n Hn.
    apply logits_loss_ext; [auto|]. intros v _. apply product_logits. }
  assert (EG : forall n v, (v < V)%nat ->
    mean_error N V w (fun n => linear_logits D W (H n)) n v = G n v).
  { intros n v Hv. apply mean_error_ext; auto. intros u _. symmetry. apply product_logits. }
  split.
  - intros n d Hn Hd. assert (B := backprop_hidden N V D w W H n d Hn Hd Hw).
    cbv zeta in B. unfold is_partial2 in *. evar_last.
    + eapply is_derive_ext; [|exact B]. intros t. symmetry. apply EL.
    + apply sum_ext. intros v Hv. rewrite EG by auto. ring.
  - intros v d Hv Hd. assert (B := backprop_output_weights N V D w W H v d Hv Hd Hw).
    cbv zeta in B. unfold is_partial2 in *. evar_last.
    + eapply is_derive_ext; [|exact B]. intros t. symmetry. apply EL.
    + apply sum_ext. intros n _. rewrite EG by auto. reflexivity.
Qed.

(** * Block by block *)

(** The rows of the block b; the context n is in the block (block n). *)
Definition rows_of (block : nat -> nat) (b : nat) (A : matrix) : matrix :=
  fun n j => if Nat.eq_dec (block n) b then A n j else 0.

(* box: prop-blocks
   Covers: the gradients, what a block depends on, and the loss; operations and memory are not
     counted.
   Hypotheses: as for the three products; every context is in one block.
   Cobre: os gradientes, de que depende um bloco, e a perda; operações e memória não são
     contadas.
   Hipóteses: como nos três produtos; cada contexto está em um bloco.
   Mutation: `w' n = w n /\ same D (H' n) (H n)` becomes `w' n = w n`. *)
Theorem block_by_block N V D B (block w : nat -> nat) (H W : matrix) :
  (forall n, (n < N)%nat -> (w n < V)%nat) -> (forall n, (n < N)%nat -> (block n < B)%nat) ->
  let L := fun H W => logits_mean_loss N V w (product D H (transposed W)) in
  let G := fun w H => mean_error N V w (product D H (transposed W)) in
  let G_ := fun b => rows_of block b (G w H) in
  let H_ := fun b => rows_of block b H in
  (* The gradient in W is the sum over the blocks of G_b^T H_b. *)
  (forall v d, (v < V)%nat -> (d < D)%nat ->
    is_partial2 (fun W => L H W) W v d (Σ b < B, product N (transposed (G_ b)) (H_ b) v d)) /\
  (* The gradient in the rows of a block is G_b W. *)
  (forall n d, (n < N)%nat -> (d < D)%nat ->
    is_partial2 (fun H => L H W) H n d (product V (G_ (block n)) W n d)) /\
  (* G_b depends on the rows, the targets of the block and N alone. *)
  (forall b w' H', (forall n, block n = b -> w' n = w n /\ same D (H' n) (H n)) ->
    forall n v, (v < V)%nat -> rows_of block b (G w' H') n v = G_ b n v) /\
  (* The loss is the sum of those of the blocks. *)
  L H W = (Σ b < B, (Σ n < N, (if Nat.eq_dec (block n) b
    then logits_loss V (product D (H_ b) (transposed W) n) (w n) else 0))) / INR N.
Proof.
  intros Hw Hb L G G_ H_.
  destruct (three_products N V D w H W Hw) as [PH PW]. split; [|split; [|split]].
  - intros v d Hv Hd. specialize (PW v d Hv Hd). unfold is_partial2 in *.
    evar_last; [exact PW|].
    unfold product at 1, transposed at 1. rewrite <- (sum_by_context B N block
      (fun n _ => mean_error N V w (product D H (transposed W)) n v * H n d)) by auto.
    apply sum_ext. intros b _. apply sum_ext. intros n _.
    unfold transposed at 2, G_, H_, rows_of, G. destruct (Nat.eq_dec (block n) b); [reflexivity|ring].
  - intros n d Hn Hd. specialize (PH n d Hn Hd). unfold is_partial2 in *.
    evar_last; [exact PH|].
    apply sum_ext. intros v _. unfold G_, rows_of, G.
    destruct (Nat.eq_dec (block n) (block n)); [reflexivity|contradiction].
  - intros b w' H' Same n v Hv. unfold G_, rows_of.
    destruct (Nat.eq_dec (block n) b) as [Eb|]; [|reflexivity].
    destruct (Same n Eb) as [Ew EH]. unfold G, mean_error. rewrite Ew. do 2 f_equal.
    apply softmax_ext; auto. intros u _. apply sum_ext. intros d Hd. rewrite EH; auto.
  - unfold L, logits_mean_loss. f_equal.
    rewrite <- (sum_by_context B N block
      (fun n _ => logits_loss V (product D H (transposed W) n) (w n))) by auto.
    apply sum_ext. intros b _. apply sum_ext. intros n Hn.
    destruct (Nat.eq_dec (block n) b) as [Eb|]; [|reflexivity].
    apply logits_loss_ext; auto. intros v _. apply sum_ext. intros d _.
    unfold H_, rows_of. destruct (Nat.eq_dec (block n) b); [reflexivity|contradiction].
Qed.

(* box: prop-shards
   Covers: the whole statement.
   Hypotheses: each word is in exactly one shard; no shard is empty.
   Cobre: o enunciado inteiro.
   Hipóteses: cada palavra está em exatamente um fragmento; nenhum fragmento é vazio.
   Mutation: `exists j, (j < V)%nat /\ shard j = k` becomes `exists j, shard j = k`. *)
Theorem shards V K (shard : nat -> nat) z :
  (forall j, (j < V)%nat -> (shard j < K)%nat) ->
  (forall k, (k < K)%nat -> exists j, (j < V)%nat /\ shard j = k) ->
  let l := fun k => ln (Σ j < V, (if Nat.eq_dec (shard j) k then exp (z j) else 0)) in
  ln (Σ j < V, exp (z j)) = ln (Σ k < K, exp (l k)).
Proof.
  intros Hs Hne l. f_equal.
  rewrite <- (sum_by_context K V shard (fun j _ => exp (z j))) by auto.
  apply sum_ext. intros k Hk. unfold l. symmetry. apply exp_ln.
  (* No shard is empty. *)
  destruct (Hne k Hk) as [j [Hj Ej]].
  apply Rlt_le_trans with (if Nat.eq_dec (shard j) k then exp (z j) else 0).
  - destruct (Nat.eq_dec (shard j) k); [apply exp_pos|contradiction].
  - apply (one_term_le V j (fun j => if Nat.eq_dec (shard j) k then exp (z j) else 0)); auto.
    intros i _. destruct (Nat.eq_dec (shard i) k); [left; apply exp_pos|lra].
Qed.

(** * A few logits fix the others *)

(** ** Fewer equations than unknowns *)

Lemma all_zero_or_not n (f : nat -> R) :
  (forall k, (k < n)%nat -> f k = 0) \/ exists k, (k < n)%nat /\ f k <> 0.
Proof.
  induction n as [|n [IH|[k [Hk Hf]]]].
  - left. intros. lia.
  - destruct (Req_dec (f n) 0) as [E|E]; [left|right; exists n; auto].
    intros k Hk. destruct (Nat.eq_dec k n) as [->|]; [auto|apply IH; lia].
  - right. exists k. auto.
Qed.

(** The indices without k. *)
Definition skip (k j : nat) : nat := if (j <? k)%nat then j else S j.

Lemma sum_skip n k f : (k <= n)%nat -> sum (S n) f = f k + Σ j < n, f (skip k j).
Proof.
  revert k. induction n as [|n IH]; intros k Hk.
  - replace k with 0%nat by lia. simpl. ring.
  - destruct (Nat.eq_dec k (S n)) as [->|Hne].
    + change (sum (S n) f + f (S n) = f (S n) + Σ j < S n, f (skip (S n) j)).
      rewrite (sum_ext (S n) (fun j => f (skip (S n) j)) f); [ring|].
      intros j Hj. unfold skip. destruct (Nat.ltb_spec j (S n)); [reflexivity|lia].
    + change (sum (S n) f + f (S n) = f k + (sum n (fun j => f (skip k j)) + f (skip k n))).
      rewrite (IH k) by lia. unfold skip at 3. destruct (Nat.ltb_spec n k); [lia|ring].
Qed.

(** Gauss: m homogeneous equations in n > m unknowns have a solution that is not 0. *)
Lemma fewer_equations m : forall n (A : matrix), (m < n)%nat ->
  exists a, (exists k, (k < n)%nat /\ a k <> 0) /\
    forall i, (i < m)%nat -> dot n (A i) a = 0.
Proof.
  induction m as [|m IH]; intros n A Hmn.
  { exists (fun _ => 1). split; [exists 0%nat; split; [lia|lra]|intros; lia]. }
  destruct (all_zero_or_not n (A m)) as [Hz|[k [Hk Hne]]].
  - (* The last equation says nothing. *)
    destruct (IH n A ltac:(lia)) as [a [Ha H]]. exists a. split; auto. intros i Hi.
    destruct (Nat.eq_dec i m) as [->|]; [|apply H; lia].
    apply sum_zero. intros j Hj. rewrite Hz by auto. ring.
  - (* It gives the unknown k from the others, which it leaves in m equations. *)
    destruct n as [|n]; [lia|].
    destruct (IH n (fun i j => A i (skip k j) - A i k / A m k * A m (skip k j)) ltac:(lia))
      as [b [[j [Hj Hb]] H]].
    set (r := Σ j < n, A m (skip k j) * b j).
    set (a := fun i => if Nat.eq_dec i k then - r / A m k
                       else b (if (i <? k)%nat then i else Nat.pred i)).
    assert (Ea : forall j, a (skip k j) = b j).
    { intros l. unfold a, skip. destruct (Nat.ltb_spec l k).
      - destruct (Nat.eq_dec l k); [lia|]. destruct (Nat.ltb_spec l k); [reflexivity|lia].
      - destruct (Nat.eq_dec (S l) k); [lia|]. destruct (Nat.ltb_spec (S l) k); [lia|reflexivity]. }
    assert (Ek : a k = - r / A m k).
    { unfold a. destruct (Nat.eq_dec k k); [reflexivity|contradiction]. }
    assert (ES : forall i, dot (S n) (A i) a = A i k * (- r / A m k) + Σ j < n, A i (skip k j) * b j).
    { intros i. unfold dot. rewrite (sum_skip n k) by lia. rewrite Ek. f_equal.
      apply sum_ext. intros. rewrite Ea. reflexivity. }
    exists a. split.
    + exists (skip k j). split; [|rewrite Ea; auto].
      unfold skip. destruct (Nat.ltb_spec j k); lia.
    + intros i Hi. rewrite ES. destruct (Nat.eq_dec i m) as [->|Hne'].
      * fold r. field. auto.
      * specialize (H i ltac:(lia)). unfold dot in H.
        rewrite (sum_ext n _ (fun j => A i (skip k j) * b j - A i k / A m k * (A m (skip k j) * b j)))
          in H by (intros; ring).
        rewrite sum_minus, sum_scal_l in H. fold r in H. unfold Rdiv in *. lra.
Qed.

(** The D rows of A are linearly independent. *)
Definition independent (D : nat) (A : matrix) : Prop :=
  forall c, (forall d, (d < D)%nat -> Σ k < D, c k * A k d = 0) ->
    forall k, (k < D)%nat -> c k = 0.

(** Finitely many choices make a function. *)
Lemma choose_rows D (P : nat -> vector -> Prop) :
  (forall d, (d < D)%nat -> exists b, P d b) -> exists B : matrix, forall d, (d < D)%nat -> P d (B d).
Proof.
  induction D as [|D IH]; intros H; [exists (fun _ _ => 0); intros; lia|].
  destruct IH as [B HB]; [auto|]. destruct (H D ltac:(lia)) as [b Hb].
  exists (fun d => if Nat.eq_dec d D then b else B d). intros d Hd.
  destruct (Nat.eq_dec d D) as [->|]; [auto|apply HB; lia].
Qed.

(** A square matrix with independent rows has an inverse, on both sides. *)
Lemma inverse_exists D (A : matrix) : independent D A -> exists B : matrix,
  (forall i j, (i < D)%nat -> (j < D)%nat -> product D B A i j = one_hot i j) /\
  (forall i j, (i < D)%nat -> (j < D)%nat -> product D A B i j = one_hot i j).
Proof.
  intros HA.
  destruct (choose_rows D (fun i b => forall j, (j < D)%nat -> Σ k < D, b k * A k j = one_hot i j))
    as [B HB].
  { (* The rows of A and the one-hot vector of i: D + 1 vectors of D numbers are dependent. *)
    intros i Hi.
    destruct (fewer_equations D (S D) (fun j k => if Nat.eq_dec k D then one_hot i j else A k j))
      as [c [[k [Hk Hc]] H]]; [lia|].
    assert (E : forall j, (j < D)%nat -> Σ k < D, c k * A k j = - (c D * one_hot i j)).
    { intros j Hj. specialize (H j Hj). unfold dot in H. cbn [sum] in H.
      destruct (Nat.eq_dec D D); [|contradiction].
      rewrite (sum_ext D _ (fun k => c k * A k j)) in H; [lra|].
      intros l Hl. destruct (Nat.eq_dec l D); [lia|ring]. }
    assert (HD : c D <> 0).
    { intros Z. destruct (Nat.eq_dec k D) as [->|]; [contradiction|]. apply Hc.
      apply HA; [|lia]. intros d Hd. rewrite E, Z by auto. ring. }
    exists (fun k => - c k / c D). intros j Hj.
    rewrite (sum_ext D _ (fun k => - / c D * (c k * A k j))) by (intros; field; auto).
    rewrite sum_scal_l, E by auto. field. auto. }
  exists B. split; [intros i j Hi Hj; apply HB; auto|].
  (* A B - 1, times A, is 0; so its rows are. *)
  intros i j Hi Hj. apply Rminus_diag_uniq.
  apply (HA (fun j => product D A B i j - one_hot i j)); auto. intros d Hd.
  rewrite (sum_ext D _ (fun k => product D A B i k * A k d - one_hot i k * A k d)) by (intros; ring).
  rewrite sum_minus, (sum_one_hot D i (fun k => A k d)) by auto.
  apply Rminus_diag_eq. unfold product.
  rewrite (sum_ext D _ (fun k => Σ l < D, A i l * (B l k * A k d)))
    by (intros k _; rewrite <- sum_scal_r; apply sum_ext; intros; ring).
  rewrite sum_swap.
  rewrite (sum_ext D _ (fun l => one_hot d l * A i l)); [apply sum_one_hot; auto|].
  intros l Hl. rewrite sum_scal_l, HB by auto.
  unfold one_hot. destruct (Nat.eq_dec d l), (Nat.eq_dec l d); try congruence; ring.
Qed.

(** Along u and against it, the loss rises together, where u varies. *)
Lemma logits_loss_both_ways V z u w : (w < V)%nat -> varies V u ->
  2 * logits_loss V z w
  < logits_loss V (fun i => z i + u i) w + logits_loss V (fun i => z i - u i) w.
Proof.
  intros Hw Hu. assert (HV : (0 < V)%nat) by lia.
  assert (HD := softmax_distribution V z HV).
  assert (Hp : positive V (softmax V z)) by (intros i _; apply softmax_pos; auto).
  assert (Hm : varies V (fun i => - u i)).
  { destruct Hu as [i [j [Hi [Hj Hij]]]]. exists i, j. repeat split; auto. lra. }
  assert (A := mean_exp_gt V _ u HD Hp Hu). assert (B := mean_exp_gt V _ _ HD Hp Hm).
  assert (E : dot V (softmax V z) (fun i => - u i) = - dot V (softmax V z) u).
  { unfold dot. rewrite <- sum_opp. apply sum_ext. intros. ring. }
  unfold logits_loss, Rminus.
  rewrite (log_sum_exp_moved V z u), (log_sum_exp_moved V z (fun i => - u i)) by auto. lra.
Qed.

(* box: prop-few-logits, as many as numbers
   Covers: that the inverse exists, and that $D$ logits determine the hidden state, the others
     and the loss.
   Hypotheses: the rows of the $D$ words are linearly independent.
   Cobre: que a inversa existe, e que $D$ logits determinam o estado oculto, os outros logits e a
     perda.
   Hipóteses: as linhas das $D$ palavras são linearmente independentes.
   Mutation: `h d = dot D (B d) zs` becomes `h d = - dot D (B d) zs`. *)
Theorem few_logits_fix_the_others V D (W : matrix) (s : nat -> nat) :
  (* The words s 0, ..., s (D - 1) have independent rows. *)
  (forall k, (k < D)%nat -> (s k < V)%nat) -> independent D (fun k => W (s k)) ->
  exists B : matrix,
    (forall i j, (i < D)%nat -> (j < D)%nat -> product D B (fun k => W (s k)) i j = one_hot i j) /\
    (forall i j, (i < D)%nat -> (j < D)%nat -> product D (fun k => W (s k)) B i j = one_hot i j) /\
    forall h, let z := linear_logits D W h in
      let zs := fun k => z (s k) in
      (forall d, (d < D)%nat -> h d = dot D (B d) zs) /\
      (forall v, z v = dot D (product D W B v) zs) /\
      (forall w, (w < V)%nat ->
        logits_loss V z w = logits_loss V (fun v => dot D (product D W B v) zs) w).
Proof.
  intros Hs HI. destruct (inverse_exists D _ HI) as [B [BA AB]]. exists B.
  split; [exact BA|split; [exact AB|]]. intros h z zs.
  assert (Eh : forall d, (d < D)%nat -> h d = dot D (B d) zs).
  { intros d Hd. rewrite <- (sum_one_hot D d h) by auto.
    rewrite (sum_ext D _ (fun j => Σ k < D, B d k * (W (s k) j * h j))).
    - rewrite sum_swap. apply sum_ext. intros k _. rewrite sum_scal_l. reflexivity.
    - intros j Hj. rewrite <- BA by auto. unfold product. rewrite <- sum_scal_r.
      apply sum_ext. intros. ring. }
  assert (Ez : forall v, z v = dot D (product D W B v) zs).
  { intros v. unfold z, linear_logits, dot at 1.
    rewrite (sum_ext D _ (fun d => Σ k < D, W v d * (B d k * zs k))).
    - rewrite sum_swap. apply sum_ext. intros k _. unfold product. rewrite <- sum_scal_r.
      apply sum_ext. intros. ring.
    - intros d Hd. rewrite Eh by auto. unfold dot. rewrite <- sum_scal_l. reflexivity. }
  split; [exact Eh|split; [exact Ez|]]. intros w Hw. apply logits_loss_ext; auto.
  intros v _. apply Ez.
Qed.

(* box: prop-few-logits, fewer
   Covers: that fewer do not: from every hidden state one comes to another with the same logits
     read and another loss.
   Hypotheses: W has D linearly independent rows; at least one logit is read, but fewer than D.
   Cobre: que menos que isso não basta: de todo estado oculto chega-se a outro com os mesmos logits lidos
     e outra perda.
   Hipóteses: W tem D linhas linearmente independentes; ao menos um logit é lido, mas menos de D.
   Mutation: `(1 <= m < D)%nat` becomes `(0 <= m < D)%nat`. *)
Theorem fewer_logits_do_not V D (W : matrix) (s read : nat -> nat) m w h :
  (* W has rank D: it has D independent rows. *)
  (forall k, (k < D)%nat -> (s k < V)%nat) -> independent D (fun k => W (s k)) ->
  (* At least one logit is read, but fewer than D. *)
  (1 <= m < D)%nat -> (forall i, (i < m)%nat -> (read i < V)%nat) -> (w < V)%nat ->
  exists h', (forall i, (i < m)%nat ->
      linear_logits D W h' (read i) = linear_logits D W h (read i)) /\
    logits_loss V (linear_logits D W h') w <> logits_loss V (linear_logits D W h) w.
Proof.
  intros Hs HI Hm Hread Hw.
  (* A direction at right angles to the rows that are read. *)
  destruct (fewer_equations m D (fun i => W (read i)) ltac:(lia)) as [a [[k0 [Hk0 Ha]] H0]].
  assert (Lin : forall t v, linear_logits D W (fun d => h d + t * a d) v
                            = linear_logits D W h v + t * dot D (W v) a).
  { intros t v. unfold linear_logits, dot. rewrite <- sum_scal_l, <- sum_plus.
    apply sum_ext. intros. ring. }
  (* W a is 0 at the words read, and not 0 everywhere. *)
  assert (Hu : varies V (fun v => dot D (W v) a)).
  { destruct (all_zero_or_not D (fun k => dot D (W (s k)) a)) as [Z|[k [Hk Hne]]].
    - exfalso. apply Ha. destruct (few_logits_fix_the_others V D W s Hs HI) as [B [_ [_ HB]]].
      destruct (HB a) as [E _]. rewrite E by auto. apply sum_zero. intros k Hk.
      cbv zeta. unfold linear_logits. rewrite Z by auto. ring.
    - exists (s k), (read 0%nat). repeat split; [auto|apply Hread; lia|].
      rewrite (H0 0%nat) by lia. exact Hne. }
  assert (S := logits_loss_both_ways V (linear_logits D W h) _ w Hw Hu).
  (* One of h + a and h - a has another loss. *)
  assert (Ext : forall t c, (forall v, linear_logits D W h v + t * dot D (W v) a = c v) ->
    logits_loss V (linear_logits D W (fun d => h d + t * a d)) w = logits_loss V c w).
  { intros t c Hc. apply logits_loss_ext; auto. intros v _. rewrite Lin. apply Hc. }
  assert (Same : forall t i, (i < m)%nat -> linear_logits D W (fun d => h d + t * a d) (read i)
                                           = linear_logits D W h (read i)).
  { intros t i Hi. rewrite Lin, (H0 i Hi). ring. }
  assert (E1 := Ext 1 (fun v => linear_logits D W h v + dot D (W v) a) ltac:(intros; cbv beta; ring)).
  assert (E2 := Ext (-1) (fun v => linear_logits D W h v - dot D (W v) a) ltac:(intros; cbv beta; ring)).
  cbv beta in S. rewrite <- E1, <- E2 in S.
  destruct (Req_dec (logits_loss V (linear_logits D W (fun d => h d + 1 * a d)) w)
                    (logits_loss V (linear_logits D W h) w)) as [E|E].
  - exists (fun d => h d + -1 * a d). split; [apply Same|lra].
  - exists (fun d => h d + 1 * a d). split; [apply Same|exact E].
Qed.
