"""What a reader reads: one table for each language, with the same keys.

`MESSAGES` has what was found, `MISTAKES` the mistakes that have a name, each with what it is
and a hint that is not the solution.
"""

MESSAGES = {
    "en": {
        "right": "right.",
        "not-yet-code": "not yet. Your code is missing.",
        "not-yet-numbers": "not yet. Your answer is missing.",
        "not-a-function": "pass the function itself, without calling it: its name and no brackets.",
        "wrong": (
            "not right. An input that shows it:\n"
            "    {input}\n"
            "    expected: {expected}\n"
            "    got:      {got}"
        ),
        "shape": (
            "not right: the shape is another one. An input that shows it:\n"
            "    {input}\n"
            "    expected shape: {expected_shape}\n"
            "    got shape:      {got_shape}"
        ),
        "shape-alone": (
            "almost: the values are right, but not the shape. An input that shows it:\n"
            "    {input}\n"
            "    expected shape: {expected_shape}\n"
            "    got shape:      {got_shape}"
        ),
        "shape-too": "The shape is another one, too: {got_shape}, and not {expected_shape}.",
        "results": (
            "your function returns {got} results; {expected} are asked for. The input:\n    {input}"
        ),
        "missing-results": (
            "not yet. What your function returns is right. Still missing, counted in the order of "
            "the question: {missing}."
        ),
        "still-missing": "Still missing, counted in the order of the question: {missing}.",
        "rounded": "close: your function rounds its results. Return them with all their digits.",
        "gradient": (
            "almost: the values are right, but the tensor still carries its gradient. Return it "
            "with .detach()."
        ),
        "raises": (
            "your code stopped with an error. The input:\n    {input}\n    the error: {error}"
        ),
        "at-line": "    in line {line}: {code}",
        "endless": (
            "your code was stopped after {seconds} seconds of computing: does one of its loops "
            "never end? The input:\n"
            "    {input}"
        ),
        "nothing": "your function returns nothing: is a return missing? The input:\n    {input}",
        "not-numbers": (
            "your function returns something that cannot be read as numbers, of the type {type}. "
            "The input:\n    {input}"
        ),
        "changed": "the result is right, but your function changes its argument {argument}.",
        "count": "{count} numbers are asked for, in the order of the question.",
        "no-number": "answer {position} of {count} is no number; its type is {type}.",
        "number-shape": "answer {position} of {count} must have the shape {expected}.",
        "number": "answer {position} of {count} is not right. You gave {got}.",
        "close": "answer {position} of {count} is close: give three digits. You gave {got}.",
        "missing-numbers": (
            "not yet. What you gave is right. Still missing, counted in the order of the "
            "question: {missing}."
        ),
        "proof": (
            "this exercise asks for a proof, which no program can check. Compare yours with the "
            "solution."
        ),
        "condition": "not right:",
        "looks-like": "It looks like this: {mistake}",
    },
    "pt": {
        "right": "certo.",
        "not-yet-code": "ainda não. Falta o seu código.",
        "not-yet-numbers": "ainda não. Falta a sua resposta.",
        "not-a-function": "passe a própria função, sem chamá-la: o nome, sem parênteses.",
        "wrong": (
            "não está certo. Uma entrada que mostra isso:\n"
            "    {input}\n"
            "    esperado: {expected}\n"
            "    obtido:   {got}"
        ),
        "shape": (
            "não está certo: o formato é outro. Uma entrada que mostra isso:\n"
            "    {input}\n"
            "    formato esperado: {expected_shape}\n"
            "    formato obtido:   {got_shape}"
        ),
        "shape-alone": (
            "quase: os valores estão certos, mas o formato não. Uma entrada que mostra isso:\n"
            "    {input}\n"
            "    formato esperado: {expected_shape}\n"
            "    formato obtido:   {got_shape}"
        ),
        "shape-too": "O formato também é outro: {got_shape}, e não {expected_shape}.",
        "results": (
            "sua função devolve {got} resultados; o enunciado pede {expected}. A entrada:\n"
            "    {input}"
        ),
        "missing-results": (
            "ainda não. O que sua função devolve está certo. Ainda falta, contando na ordem do "
            "enunciado: {missing}."
        ),
        "still-missing": "Ainda falta, contando na ordem do enunciado: {missing}.",
        "rounded": (
            "está perto: sua função arredonda os resultados. Devolva-os com todos os dígitos."
        ),
        "gradient": (
            "quase: os valores estão certos, mas o tensor ainda carrega o gradiente. Devolva-o "
            "com .detach()."
        ),
        "raises": "seu código parou com um erro. A entrada:\n    {input}\n    o erro: {error}",
        "at-line": "    na linha {line}: {code}",
        "endless": (
            "seu código foi interrompido depois de {seconds} segundos de cálculo: será que um dos "
            "laços nunca termina? A entrada:\n"
            "    {input}"
        ),
        "nothing": "sua função não devolve nada: será que falta um return? A entrada:\n    {input}",
        "not-numbers": (
            "sua função devolve algo que não pode ser lido como números, do tipo {type}. "
            "A entrada:\n    {input}"
        ),
        "changed": "o resultado está certo, mas sua função altera o argumento {argument}.",
        "count": "o enunciado pede {count} números, na ordem em que os menciona.",
        "no-number": "a resposta {position} de {count} não é um número; o tipo é {type}.",
        "number-shape": "a resposta {position} de {count} deve ter o formato {expected}.",
        "number": "a resposta {position} de {count} não está certa. Você respondeu {got}.",
        "close": "a resposta {position} de {count} está perto: dê três dígitos. Você deu {got}.",
        "missing-numbers": (
            "ainda não. O que você respondeu está certo. Ainda falta, contando na ordem do "
            "enunciado: {missing}."
        ),
        "proof": (
            "este exercício pede uma demonstração, que nenhum programa corrige. Compare a sua com "
            "a solução."
        ),
        "condition": "não está certo:",
        "looks-like": "Parece ser isto: {mistake}",
    },
}

MISTAKES = {
    "en": {
        "above-the-peak": (
            "more than the peak rate. Where warm-up and decay would both give more than 1, the "
            "share is 1."
        ),
        "added-probabilities": "probabilities added. That all of it happens is a product.",
        "all-at-once": "all coordinates moved at once. A partial derivative moves one of them.",
        "all-columns": (
            "all logits at once. The result is right, but no more than the logits of `columns` "
            "words are to be there at a time."
        ),
        "all-in-matrices": "all weights taken for matrices. The others keep both means.",
        "all-words": "a mean over all words. Only the word that came enters the loss.",
        "answer-in-context": "the next word is part of its own context, so nothing is uncertain.",
        "backwards": "the text read backwards: the word before, given the words after it.",
        "block-offset": (
            "targets looked up as if they were in the first block. A word's place within a block "
            "is its id minus the block's first id."
        ),
        "blocks-added": "logarithms of blocks added. It is the sums inside them that add up.",
        "blocks-averaged": "a mean over blocks. The sum in the softmax runs over all words.",
        "both-means": "both means left out. Muon keeps one.",
        "both-orders": (
            "each pair taken in both orders. The point that stands first in the list is a, the "
            "other b."
        ),
        "brackets": "x / 2 * h, which multiplies by h. To divide by 2h, set brackets: x / (2 * h).",
        "by-column": "shares of each column. A row is a context, and its shares sum to 1.",
        "changed-argument": (
            "an argument changed in place, for instance by -=. The caller still needs it: work on "
            "a copy, or write a new array."
        ),
        "chord-not-gap": "the height of the chord. The gap is how far it lies above the curve.",
        "complement": "the share that stays, where the share that leaves is asked for.",
        "context-ignored": "the word before is not used: a bigram has one row of shares for each.",
        "contexts-summed": "the contexts' entropies added up. Weight each by how often it occurs.",
        "contexts-unweighted": (
            "a plain mean over contexts. A context that occurs more often counts more."
        ),
        "count-not-share": "a count, where a share of all is asked for.",
        "cross-entropy": "the cross-entropy. The divergence is what it exceeds the entropy by.",
        "crossed": "1 - s and s exchanged on the chord: at s = 0 both must be at the first point.",
        "curve-not-gap": "the loss at the midpoint. The gap is how far the chord lies above it.",
        "decay-everywhere": "the fall begun too early: it lasts only as long as the decay share.",
        "decimal-megabytes": "a million bytes for one MiB, which has 1,048,576.",
        "diagonal-only": (
            "the diagonal of the Jacobian alone. Each logit moves all probabilities, not only its "
            "own."
        ),
        "divided-by-batches": (
            "a sum over words divided by the number of batches, blocks or sentences. A mean per "
            "word divides by the number of words."
        ),
        "double-softmax": "the softmax taken twice: probabilities used where logits belong.",
        "eight-bytes": "twice the bytes: float32 has 4 bytes, bfloat16 has 2.",
        "entropy-not-excess": (
            "an entropy, the whole loss. The excess is what the loss has above the true model's."
        ),
        "epsilon": (
            "a small number that keeps the logarithm finite. What is impossible and happens costs "
            "infinity, and the loss must say so."
        ),
        "every-pair": (
            "every target looked up in every row, as by p[:, targets]. Row n has the target n only."
        ),
        "factor-forgotten": "the factor ŷ in front of the bracket is missing.",
        "factor-two": "a factor of 2: the two points of a central difference are 2h apart.",
        "fixed-shift": (
            "a shift by the first logit or the first block alone. A later logit may be much "
            "larger: then raise the maximum, and rescale the sum."
        ),
        "flat-bottom": "a flat bottom taken for a few points: everything on it is a minimizer.",
        "full-blocks": (
            "every block counted with as many rows as the first. Each has its own number."
        ),
        "full-contexts": "every context counted with full length. They grow word by word.",
        "gap-reversed": "curve minus chord. The chord gap is the chord minus the curve.",
        "gradient-in-logits": "the gradient in the logits, where that in the probabilities is due.",
        "gradient-in-probabilities": (
            "the gradient in the probabilities, where that in the logits is due: the softmax lies "
            "between them."
        ),
        "half-argument": "tanh(d) where σ(d) - 1/2 gives tanh(d/2).",
        "in-order": "the rows in the order of the text: the epoch's own order is not used.",
        "infimum": "an infimum taken for a minimum. The function comes close to 0 and never is 0.",
        "inner-derivative": "the inner derivative is missing: the cap has a slope of its own.",
        "joint": "the entropy of context and next word together. Given the context, it is less.",
        "kept-not-lost": "the share that is kept, where the share that becomes 0 is asked for.",
        "largest": "the largest gap. The smallest one shows that a function is not convex.",
        "last-block": "the last block is left out when it is shorter than the others.",
        "last-pair": "the last pair is left out. The text's last word is an answer, too.",
        "later-contexts": "a new total. Asked for is by how much the sum grows.",
        "log-base": "the logarithm of another base. Losses are in nats: natural logarithms.",
        "log-of-mean": "the logarithm of a mean. The loss is the mean of the logarithms.",
        "log-of-zero": (
            "the logarithm of a probability that was rounded to 0. Stay in logarithms: the "
            "difference of the logits is still there."
        ),
        "logit-not-difference": "one logit. Asked for is the difference of the two.",
        "logit-not-probability": "the logit, where the probability is asked for.",
        "loss-for-probability": "a loss, where a probability is asked for.",
        "losses-differ": "the losses of “.” must be finite and the same.",
        "masked-by-product": (
            "a loss multiplied by 0 so that it does not count. Infinity times 0 is no number: "
            "select the positions that count."
        ),
        "max-shift": (
            "the shift by the largest logit is missing: exp overflows for large logits and rounds "
            "to 0 for small ones."
        ),
        "maximum-forgotten": "the maximum m is not added back to log s.",
        "mean-added": "the mean is added, where it is to be subtracted.",
        "mean-not-subtracted": "the mean under ŷ is not subtracted.",
        "mean-not-total": "a mean per word, where the whole is asked for.",
        "mean-of-means": (
            "a mean of means. A short batch, block or sentence then counts as much as a long one: "
            "add up all words first, divide once."
        ),
        "mean-of-perplexities": (
            "a mean of exponentials. Average the losses of all words first, then take the "
            "exponential."
        ),
        "mean-of-row": (
            "each row divided by the number of its own examples. The mean loss divides by the "
            "number of all."
        ),
        "midpoint-only": "the midpoint, whatever s is.",
        "missing-exp": "the exponential is missing: a mean loss is no perplexity yet.",
        "missing-log": "the logarithm of the sum is missing.",
        "missing-minus": "the sign: a minus is missing, or there is one too many.",
        "most-probable-word": (
            "the loss of the most probable word. It is the word that came whose loss is due."
        ),
        "multiplied": "logits multiplied by the temperature, where they are to be divided.",
        "nats-for-bits": "nats, where bits are asked for.",
        "nats-times-log-2": "nats times log 2. One bit is log 2 nats, so divide.",
        "neighbors-only": "neighboring points only. Any two points have a chord.",
        "no-effect": (
            "no effect at all: what scales all numerators and the denominator alike cancels."
        ),
        "no-mean": "one loss for each row, where their mean is asked for.",
        "no-rounding": (
            "the share below the smallest number. Not all of that becomes 0: what is above half "
            "of this number is rounded up to it."
        ),
        "no-shift": (
            "no shift: the target is the word just read, and the model need only copy it."
        ),
        "no-step": (
            "-1/p itself, or nearly. Asked for is the quotient with the step h, which differs "
            "where h is large."
        ),
        "not-distributions": (
            "two predictions are asked for, each with four probabilities that sum to 1."
        ),
        "not-divided": "a difference, not a slope: the division by the step is missing.",
        "not-on-one-word": "the first prediction is to put all wrong probability on one word.",
        "not-rescaled": (
            "a sum that is not rescaled when the maximum changes: its terms were taken relative "
            "to the old one."
        ),
        "not-smoothed": "counts that begin at 0: a pair that training did not show costs infinity.",
        "not-spread-out": "the second prediction is to spread the wrong probability out.",
        "not-whole": "a fraction of a row. A block has whole rows.",
        "numbers-not-bytes": "a count of numbers, where bytes are asked for.",
        "off-by-one": "one too many or one too few. Try the smallest case by hand.",
        "one-by-one": (
            "one step after another, each from where the last one ended. Compute the gradient of "
            "all examples from the same table."
        ),
        "one-byte-each": "each number taken for one byte. In float32 it has 4.",
        "one-epoch": "the step cut off at the end of its epoch. The rest comes from the next one.",
        "one-minus": "1 - p instead of -log p.",
        "one-point": "divided by 2h, as for two points. Here there is one, at the distance h.",
        "one-shift": (
            "one shift for all rows, as by z.max(). Each row has a largest logit of its own; "
            "relative to another one's, all of its terms may round to 0."
        ),
        "one-sided": "a one-sided difference. The central one takes a point on each side.",
        "one-step": "one step of five.",
        "only-the-maximum": "the maximum alone. It is only the largest term of the sum.",
        "other-seed": "another seed. The order of an epoch is drawn with `[seed, epoch]`.",
        "other-unit": (
            "another unit. A GB is 10**9 bytes, a GiB 2**30: see which one is asked for, or "
            "whether it is bytes."
        ),
        "own-step": "a step of your own, or the derivative itself. The result depends on h.",
        "padding-counted": (
            "padding counted as words. Positions whose target is -1 belong neither to the sum "
            "nor to the count; NumPy reads the index -1 as the last word."
        ),
        "pair-reversed": (
            "the pair the other way round: 1 - s goes with the point that stands first in the list."
        ),
        "per-length": "divided by the squared length of v. No unit vector was asked for.",
        "percent": "1 taken for 1 %.",
        "percent-not-share": "percent, where a share between 0 and 1 is asked for.",
        "perplexity-not-loss": (
            "the perplexity, where the loss is asked for: an exponential too many."
        ),
        "predictions-not-weights": "the predictions averaged, where the weights are meant.",
        "probability-not-loss": "a probability, or a difference of them, where a loss is due.",
        "projected": "a projection onto the sum 0. The softmax weighs the words by ŷ.",
        "read-twice": (
            "more kept than two numbers, or a logit looked at again. The result is right, but "
            "each logit comes once."
        ),
        "real-part": "the real part. The slope is in the imaginary one.",
        "remainder-dropped": (
            "the last rows of an epoch left out where they do not fill a step. Every row is read."
        ),
        "renormalized": (
            "the model's probabilities made to sum to 1 on the language. What it puts outside is "
            "lost, and must cost."
        ),
        "repeats-lost": (
            "of an index that repeats only the last one counts: table[contexts] -= … writes each "
            "row once. Add them up with np.add.at."
        ),
        "reversed": "the two distributions exchanged: the divergence is not symmetric.",
        "right-word-only": "the right word's entry alone. The other words have a gradient too.",
        "rounded-up": "rounded up: one row more than fits.",
        "same-order": "the same order in every epoch. The epoch's number belongs in the seed.",
        "scale-forgotten": (
            "the scale c is lost: c·tanh(z/c) has slope 1 at 0, and reaches up to c, not 1."
        ),
        "scaled-too-late": "scaled after it was stored. What has become 0 stays 0: multiply first.",
        "share-fallen": "by how much the rate has fallen. Asked for is what is left of it.",
        "share-not-percent": "a share, where percent are asked for.",
        "shift-not-undone": "shifted by the maximum in one place, and not in the other.",
        "shift-twice": "the shift done twice: each word is asked for the next word but one.",
        "size-forgotten": (
            "the size of the vocabulary forgotten. Each of the `size` words gets one more, "
            "whether it occurs or not, so a row's sum grows by `size`."
        ),
        "slope-not-curvature": "a slope, the first derivative. The curvature is the second.",
        "standard-deviation": "the standard deviation. The curvature is its square.",
        "starts-at-zero": (
            "a maximum that starts at 0. Where all logits are far below, nothing is left: start "
            "with the first logit or -inf."
        ),
        "step-for-epoch": "a new order for each step. One order holds for a whole epoch.",
        "step-in-probabilities": "a step in the probabilities. It is the logits that move here.",
        "step-not-undone": (
            "a coordinate that stays moved while the next one is tried: put it back first."
        ),
        "subtraction": (
            "a difference of two values that round to the same number. Here nothing needs to be "
            "subtracted."
        ),
        "sum-not-mean": "a sum, where a mean is asked for.",
        "sum-rounds-away": (
            "1 plus a tiny number, which rounds to 1. Leave the largest term out of the sum, and "
            "use log1p."
        ),
        "sum-subtracted": "the sum is subtracted, where the mean is to be.",
        "swapped": "right, in the wrong order: the two results are exchanged.",
        "teacher-forced": (
            "what teacher forcing learns. In free running the target does not depend on what was "
            "read."
        ),
        "temperature-outside": "the loss divided by T. It is the logits that T divides.",
        "ties-lost": (
            "every logit that equals the largest left out of the sum. Only one of them is the 1 of "
            "log1p; the others stay."
        ),
        "transposed": "a transposed matrix: a gradient has the shape of what it belongs to.",
        "trivial": "d = 0, where the model does not swing. A d > 0 is asked for.",
        "truth-forgotten": "ŷ alone: the truth y is not subtracted.",
        "truth-minus-prediction": "y - ŷ, the direction of descent. The gradient is its opposite.",
        "uncapped-prediction": "the prediction of the uncapped logits.",
        "undivided": "what has passed or is left. Divide it by the share that it belongs to.",
        "unweighted": "a plain mean. Weight its terms by their probabilities.",
        "uphill": "a step uphill: descent subtracts the gradient.",
        "upside-down": "the quotient upside down.",
        "validation-counted": (
            "pairs of the validation text counted, too. It is to be predicted, not learned."
        ),
        "weights-not-predictions": "the weights averaged, where the predictions are meant.",
        "weights-only": "the weights alone. Gradient, exact copy and means take memory, too.",
        "whole-matrix": (
            "the whole matrix. The result is right, but for 50,000 words it would take 20 GB: "
            "multiply out what the matrix does to g."
        ),
        "with-itself": "each point paired with itself too: its gap is 0 and hides the others.",
        "wrapped": (
            "the first word as the target of the last one, as np.roll does. The last word has no "
            "target."
        ),
        "wrong-axis": "the wrong axis: sentences are cut off, not words. Words are on the last.",
        "wrong-way": "the wrong way: a larger probability costs less.",
        "zero-log-zero": (
            "0 times log 0. To NumPy that is 0 · (-inf), and so NaN, where 0 is meant. Take from "
            "each row the entry of the word that came, or leave out the terms with a 0."
        ),
        "zero-not-counted": "the word with the id 0 left out. Only a target of -1 is not counted.",
        "zero-skipped": (
            "a term left out because the second distribution is 0 there. Only where the first "
            "one is 0 does a term vanish."
        ),
    },
    "pt": {
        "above-the-peak": (
            "mais do que o pico. Onde aquecimento e decaimento dariam ambos mais do que 1, a "
            "fração é 1."
        ),
        "added-probabilities": (
            "probabilidades somadas. A probabilidade de que tudo aconteça é um produto."
        ),
        "all-at-once": "todas as coordenadas movidas juntas. A derivada parcial move uma só.",
        "all-columns": (
            "todos os logits de uma vez. O resultado está certo, mas deve haver, de cada vez, no "
            "máximo os logits de `columns` palavras."
        ),
        "all-in-matrices": "todos os pesos tomados por matrizes. Os demais guardam as duas médias.",
        "all-words": "uma média sobre todas as palavras. Só a palavra que veio entra na perda.",
        "answer-in-context": (
            "a próxima palavra incluída no próprio contexto; assim nada fica incerto."
        ),
        "backwards": "o texto lido de trás para a frente: a palavra anterior, dadas as seguintes.",
        "block-offset": (
            "alvos procurados como se estivessem no primeiro bloco. O lugar de uma palavra no "
            "bloco é seu id menos o primeiro id do bloco."
        ),
        "blocks-added": "logaritmos de blocos somados. O que se soma são as somas dentro deles.",
        "blocks-averaged": "uma média sobre blocos. A soma do softmax percorre todas as palavras.",
        "both-means": "as duas médias deixadas de fora. O Muon guarda uma.",
        "both-orders": (
            "cada par tomado nas duas ordens. O ponto que vem primeiro na lista é a, o outro é b."
        ),
        "brackets": (
            "x / 2 * h, que multiplica por h. Para dividir por 2h, use parênteses: x / (2 * h)."
        ),
        "by-column": "frações de cada coluna. Uma linha é um contexto, e suas frações somam 1.",
        "changed-argument": (
            "um argumento alterado no lugar, por exemplo com -=. Quem chamou a função ainda "
            "precisa dele: trabalhe em uma cópia ou escreva um array novo."
        ),
        "chord-not-gap": "a altura da corda. A folga é o quanto ela fica acima da curva.",
        "complement": "a parte que fica, quando se pede a parte que sai.",
        "context-ignored": (
            "a palavra anterior não foi usada: um bigrama tem uma linha de frações para cada uma."
        ),
        "contexts-summed": (
            "as entropias dos contextos somadas. Pondere cada uma pela frequência do contexto."
        ),
        "contexts-unweighted": (
            "uma média simples sobre contextos. Um contexto mais frequente conta mais."
        ),
        "count-not-share": "uma contagem, quando se pede uma fração do total.",
        "cross-entropy": "a entropia cruzada. A divergência é o que nela excede a entropia.",
        "crossed": "1 - s e s trocados na corda: em s = 0 ambos devem estar no primeiro ponto.",
        "curve-not-gap": "a perda no ponto médio. A folga é o quanto a corda fica acima dela.",
        "decay-everywhere": (
            "uma queda que começa cedo demais: ela só dura a parte reservada ao decaimento."
        ),
        "decimal-megabytes": "um milhão de bytes por MiB, que tem 1.048.576.",
        "diagonal-only": (
            "só a diagonal da jacobiana. Cada logit move todas as probabilidades, não apenas a sua."
        ),
        "divided-by-batches": (
            "uma soma sobre palavras dividida pelo número de lotes, blocos ou frases. A média por "
            "palavra divide pelo número de palavras."
        ),
        "double-softmax": "o softmax aplicado duas vezes: probabilidades no lugar de logits.",
        "eight-bytes": "o dobro dos bytes: float32 tem 4 bytes, bfloat16 tem 2.",
        "entropy-not-excess": (
            "uma entropia, a perda inteira. O excesso é o que a perda tem além da perda do "
            "modelo verdadeiro."
        ),
        "epsilon": (
            "um número pequeno que mantém o logaritmo finito. Se o impossível acontece, a perda é "
            "infinita, e deve ser mostrada assim."
        ),
        "every-pair": (
            "cada alvo procurado em cada linha, como em p[:, targets]. A linha n tem só o alvo n."
        ),
        "factor-forgotten": "falta o fator ŷ antes do parêntese.",
        "factor-two": (
            "um fator 2: os dois pontos da diferença central estão à distância 2h um do outro."
        ),
        "fixed-shift": (
            "um deslocamento só pelo primeiro logit ou pelo primeiro bloco. Um logit posterior "
            "pode ser muito maior: nesse caso, aumente o máximo e reescale a soma."
        ),
        "flat-bottom": "um fundo plano tomado por alguns pontos: todo ponto dele é um minimizador.",
        "full-blocks": (
            "todos os blocos contados com tantas linhas quantas o primeiro. Cada um tem o seu "
            "número."
        ),
        "full-contexts": (
            "cada contexto contado com o comprimento total. Eles crescem palavra a palavra."
        ),
        "gap-reversed": "curva menos corda. A folga é a corda menos a curva.",
        "gradient-in-logits": (
            "o gradiente em relação aos logits, quando se pede em relação às probabilidades."
        ),
        "gradient-in-probabilities": (
            "o gradiente em relação às probabilidades, quando se pede em relação aos logits: "
            "o softmax está entre eles."
        ),
        "half-argument": "tanh(d), quando σ(d) - 1/2 dá tanh(d/2).",
        "in-order": "as linhas na ordem do texto: a ordem própria da época não foi usada.",
        "infimum": "um ínfimo tomado por mínimo. A função chega perto de 0 e nunca vale 0.",
        "inner-derivative": "falta a derivada interna: o limite suave tem sua própria inclinação.",
        "joint": (
            "a entropia do contexto e da próxima palavra juntos. Dado o contexto, ela é menor."
        ),
        "kept-not-lost": "a parte que fica, quando se pede a parte que vira 0.",
        "largest": "a maior folga. É a menor que mostra que uma função não é convexa.",
        "last-block": "o último bloco fica de fora quando é mais curto que os outros.",
        "last-pair": "o último par fica de fora. A última palavra do texto também é resposta.",
        "later-contexts": "um novo total. Pede-se em quanto a soma cresce.",
        "log-base": "o logaritmo de outra base. As perdas são em nats: logaritmo natural.",
        "log-of-mean": "o logaritmo de uma média. A perda é a média dos logaritmos.",
        "log-of-zero": (
            "o logaritmo de uma probabilidade arredondada para 0. Trabalhe com os logaritmos: a "
            "diferença dos logits ainda está lá."
        ),
        "logit-not-difference": "um só logit. Pede-se a diferença entre os dois.",
        "logit-not-probability": "o logit, quando se pede a probabilidade.",
        "loss-for-probability": "uma perda, quando se pede uma probabilidade.",
        "losses-differ": "as perdas de “.” devem ser finitas e iguais.",
        "masked-by-product": (
            "uma perda multiplicada por 0 para que não conte. Infinito vezes 0 não é um número: "
            "selecione as posições que contam."
        ),
        "max-shift": (
            "falta o deslocamento pelo maior logit: exp transborda com logits grandes e é "
            "arredondada para 0 com os pequenos."
        ),
        "maximum-forgotten": "o máximo m não foi somado de volta a log s.",
        "mean-added": "a média foi somada, quando deve ser subtraída.",
        "mean-not-subtracted": "a média sob ŷ não foi subtraída.",
        "mean-not-total": "uma média por palavra, quando se pede o total.",
        "mean-of-means": (
            "uma média de médias. Assim, um lote, bloco ou frase de poucas palavras conta tanto "
            "quanto um de muitas: some primeiro as perdas de todas as palavras e divida uma só "
            "vez."
        ),
        "mean-of-perplexities": (
            "uma média de exponenciais. Tire primeiro a média das perdas de todas as palavras, "
            "depois a exponencial."
        ),
        "mean-of-row": (
            "cada linha dividida pelo número de seus próprios exemplos. A perda média divide "
            "pelo número total de exemplos."
        ),
        "midpoint-only": "o ponto médio, qualquer que seja s.",
        "missing-exp": "falta a exponencial: uma perda média ainda não é perplexidade.",
        "missing-log": "falta o logaritmo da soma.",
        "missing-minus": "o sinal: falta um menos, ou há um a mais.",
        "most-probable-word": (
            "a perda da palavra mais provável. Pede-se a perda da palavra que veio."
        ),
        "multiplied": "logits multiplicados pela temperatura, quando devem ser divididos.",
        "nats-for-bits": "nats, quando se pedem bits.",
        "nats-times-log-2": "nats vezes log 2. Um bit equivale a log 2 nats; portanto, divida.",
        "neighbors-only": "só pontos vizinhos. Dois pontos quaisquer têm uma corda.",
        "no-effect": (
            "nenhum efeito: o que multiplica igualmente os numeradores e o denominador se cancela."
        ),
        "no-mean": "uma perda para cada linha, quando se pede a média delas.",
        "no-rounding": (
            "a fração abaixo do menor número. Nem tudo isso vira 0: o que passa da metade desse "
            "número é arredondado para ele."
        ),
        "no-shift": (
            "nenhum deslocamento: o alvo é a palavra que o modelo acabou de ler, e basta copiá-la."
        ),
        "no-step": (
            "o próprio -1/p, ou quase. Pede-se o quociente com o passo h, que é diferente quando "
            "h é grande."
        ),
        "not-distributions": (
            "pedem-se duas previsões, cada uma com quatro probabilidades que somam 1."
        ),
        "not-divided": "uma diferença, não uma inclinação: falta a divisão pelo passo.",
        "not-on-one-word": (
            "a primeira previsão deve pôr toda a probabilidade errada em uma só palavra."
        ),
        "not-rescaled": (
            "uma soma que não é reescalada quando o máximo muda: seus termos eram relativos ao "
            "máximo antigo."
        ),
        "not-smoothed": "contagens a partir de 0: um par ausente do treino tem perda infinita.",
        "not-spread-out": "a segunda previsão deve espalhar a probabilidade errada.",
        "not-whole": "uma fração de linha. Um bloco tem linhas inteiras.",
        "numbers-not-bytes": "uma quantidade de números, quando se pedem bytes.",
        "off-by-one": "um a mais ou um a menos. Faça à mão o menor caso.",
        "one-by-one": (
            "um passo depois do outro, cada um a partir de onde o anterior terminou. Calcule o "
            "gradiente de todos os exemplos na mesma tabela."
        ),
        "one-byte-each": "cada número tomado por um byte. Em float32 ele tem 4.",
        "one-epoch": "o passo cortado no fim da época. O resto vem da época seguinte.",
        "one-minus": "1 - p em vez de -log p.",
        "one-point": (
            "uma divisão por 2h, como se houvesse dois pontos. Aqui há um só, à distância h."
        ),
        "one-shift": (
            "um só deslocamento para todas as linhas, como em z.max(). Cada linha tem o seu maior "
            "logit; em relação ao de outra, todas as suas parcelas podem ser arredondadas para 0."
        ),
        "one-sided": "uma diferença de um lado só. A diferença central usa um ponto de cada lado.",
        "one-step": "um passo de cinco.",
        "only-the-maximum": "só o máximo. Ele é apenas o maior termo da soma.",
        "other-seed": "outra semente. A ordem de uma época é sorteada com `[seed, epoch]`.",
        "other-unit": (
            "outra unidade. Um GB são 10**9 bytes, um GiB são 2**30: veja qual é a pedida, ou se "
            "são bytes."
        ),
        "own-step": "um passo escolhido por você, ou a própria derivada. O resultado depende de h.",
        "padding-counted": (
            "preenchimento contado como palavra. Posições cujo alvo é -1 não entram na soma nem "
            "na contagem; o NumPy lê o índice -1 como a última palavra."
        ),
        "pair-reversed": (
            "o par na ordem inversa: 1 - s acompanha o ponto que vem primeiro na lista."
        ),
        "per-length": "dividido pelo quadrado do comprimento de v. Não se pediu vetor unitário.",
        "percent": "1 tomado por 1%.",
        "percent-not-share": "uma porcentagem, quando se pede uma fração entre 0 e 1.",
        "perplexity-not-loss": "a perplexidade, quando se pede a perda: há uma exponencial a mais.",
        "predictions-not-weights": "a média das previsões, quando se pede a dos pesos.",
        "probability-not-loss": "uma probabilidade, ou uma diferença delas, no lugar de uma perda.",
        "projected": "uma projeção sobre a soma 0. O softmax pondera as palavras por ŷ.",
        "read-twice": (
            "mais do que dois números guardados, ou um logit visto de novo. O resultado está "
            "certo, mas cada logit passa uma só vez."
        ),
        "real-part": "a parte real. A inclinação está na parte imaginária.",
        "remainder-dropped": (
            "as últimas linhas de uma época omitidas quando não completam um passo. Todas as "
            "linhas são lidas."
        ),
        "renormalized": (
            "as probabilidades do modelo forçadas a somar 1 na linguagem. O que ele põe fora dela "
            "se perde, e a perda deve refletir isso."
        ),
        "repeats-lost": (
            "de um índice repetido só vale o último: table[contexts] -= … escreve cada linha uma "
            "só vez. Some com np.add.at."
        ),
        "reversed": "as duas distribuições trocadas: a divergência não é simétrica.",
        "right-word-only": "só a entrada da palavra correta. As outras também têm gradiente.",
        "rounded-up": "arredondado para cima: uma linha a mais do que cabe.",
        "same-order": "a mesma ordem em todas as épocas. O número da época faz parte da semente.",
        "scale-forgotten": (
            "a escala c se perdeu: c·tanh(z/c) tem inclinação 1 em 0 e vai até c, não até 1."
        ),
        "scaled-too-late": (
            "multiplicado depois de armazenado. O que virou 0 continua 0: multiplique antes."
        ),
        "share-fallen": "o quanto a taxa caiu. Pede-se o que resta dela.",
        "share-not-percent": "uma fração, quando se pede uma porcentagem.",
        "shift-not-undone": "deslocado pelo máximo em um lugar e não no outro.",
        "shift-twice": (
            "o deslocamento feito duas vezes: pede-se a cada palavra a que vem depois da próxima."
        ),
        "size-forgotten": (
            "o tamanho do vocabulário esquecido. Cada uma das `size` palavras recebe um a mais, "
            "ocorra ela ou não; por isso a soma da linha cresce `size`."
        ),
        "slope-not-curvature": "uma inclinação, a primeira derivada. A curvatura é a segunda.",
        "standard-deviation": "o desvio-padrão. A curvatura é o quadrado dele.",
        "starts-at-zero": (
            "um máximo que começa em 0. Se todos os logits estão muito abaixo de 0, não sobra "
            "nada: comece com o primeiro logit ou com -inf."
        ),
        "step-for-epoch": "uma ordem nova a cada passo. Uma só ordem vale para a época inteira.",
        "step-in-probabilities": "um passo nas probabilidades. Aqui quem se move são os logits.",
        "step-not-undone": (
            "uma coordenada que ainda está deslocada quando se testa a próxima: restaure-a antes."
        ),
        "subtraction": (
            "a diferença de dois valores que se arredondam para o mesmo número. Aqui não é "
            "preciso subtrair nada."
        ),
        "sum-not-mean": "uma soma, quando se pede uma média.",
        "sum-rounds-away": (
            "1 mais um número minúsculo, que se arredonda para 1. Deixe o maior termo fora da "
            "soma e use log1p."
        ),
        "sum-subtracted": "a soma foi subtraída, quando se deve subtrair a média.",
        "swapped": "certo, mas na ordem errada: os dois resultados estão trocados.",
        "teacher-forced": (
            "o que o teacher forcing aprende. Na geração livre, o alvo não depende do que foi lido."
        ),
        "temperature-outside": "a perda dividida por T. São os logits que se dividem por T.",
        "ties-lost": (
            "todo logit igual ao maior fora da soma. Só um deles é o 1 de log1p; os outros ficam."
        ),
        "transposed": "uma matriz transposta: um gradiente tem o formato daquilo a que pertence.",
        "trivial": "d = 0, onde o modelo não oscila. Pede-se um d > 0.",
        "truth-forgotten": "só ŷ: a verdade y não foi subtraída.",
        "truth-minus-prediction": "y - ŷ, a direção da descida. O gradiente é o oposto.",
        "uncapped-prediction": "a previsão dos logits sem o limite suave.",
        "undivided": "o que passou ou o que falta, sem dividir. Divida pela parte a que pertence.",
        "unweighted": "uma média simples. Pondere as parcelas por suas probabilidades.",
        "uphill": "um passo para cima: a descida subtrai o gradiente.",
        "upside-down": "o quociente invertido.",
        "validation-counted": (
            "pares do texto de validação também contados. Ele deve ser previsto, não aprendido."
        ),
        "weights-not-predictions": "a média dos pesos, quando se pede a das previsões.",
        "weights-only": "só os pesos. Gradiente, cópia exata e médias também ocupam memória.",
        "whole-matrix": (
            "a matriz inteira. O resultado está certo, mas para 50.000 palavras ela ocuparia 20 "
            "GB: desenvolva o que a matriz faz com g."
        ),
        "with-itself": (
            "cada ponto pareado também consigo mesmo: essa folga é 0 e esconde as outras."
        ),
        "wrapped": (
            "a primeira palavra como alvo da última, como faz np.roll. A última palavra não tem "
            "alvo."
        ),
        "wrong-axis": (
            "o eixo errado: assim se cortam frases, não palavras. As palavras estão no último eixo."
        ),
        "wrong-way": "o sentido contrário: quanto maior a probabilidade, menor a perda.",
        "zero-log-zero": (
            "0 vezes log 0. Para o NumPy isso é 0 · (-inf), ou seja, NaN, quando deveria ser 0. "
            "Tome de cada linha a entrada da palavra que veio, ou deixe de fora os termos com 0."
        ),
        "zero-not-counted": "a palavra de id 0 foi omitida. Só um alvo igual a -1 não é contado.",
        "zero-skipped": (
            "um termo omitido porque a segunda distribuição é 0 ali. Só onde a primeira é 0 o "
            "termo desaparece."
        ),
    },
}
