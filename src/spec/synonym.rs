//! What other programs call things: PyTorch, Keras, scikit-learn, XGBoost, Ludwig, LightGBM, Lightning. A
//! person who writes their word is told ours, where the name could be ours at that place.
//!
//! A test below holds that every name on the right is one.

/// Words of others, and our name for the thing.
#[derive(Clone, Copy, Debug)]
pub struct Synonym {
    /// Separated by blanks, in small letters without `_` and `-`.
    pub others: &'static str,
    /// Our name. The words mean it only where it is one of the names that can stand there.
    pub ours: &'static str,
    /// What to say, where "`auc` is called `auroc` here" is not enough.
    pub say: &'static str,
}

const fn is(others: &'static str, ours: &'static str) -> Synonym {
    Synonym { others, ours, say: "" }
}

const fn entry(others: &'static str, ours: &'static str, say: &'static str) -> Synonym {
    Synonym { others, ours, say }
}

/// What to say to a name of another program, where what it means is one of the known names.
pub(crate) fn synonym(result: &str, known: &[&str]) -> Option<String> {
    // Of `nn.Linear` and `tf.keras.layers.Dense` the last part is the name.
    let plain = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        last.to_lowercase().replace(['_', '-', ' '], "")
    };
    let plain_found = plain(result);
    if let Some(same) = known.iter().find(|name| plain(name) == plain_found) {
        return Some(format!("did you mean `{same}`?"));
    }
    let meant = SYNONYMS
        .iter()
        .find(|one| known.contains(&one.ours) && one.others.split(' ').any(|other| other == plain_found))?;
    Some(match meant.say {
        "" => format!("`{result}` is called `{}` here", meant.ours),
        say => say.to_owned(),
    })
}

const RATE: &str = "the learning rate is a setting of the optimizer: `optimizer: {adamw: {rate: 1.0e-3}}`";
const DECAY: &str = "it is a setting of the optimizer: `optimizer: {adamw: {decay: 0.01}}`";
const STOP: &str = "stop early by `monitor: {patience: 5}`";
const SCORES: &str = "what is measured stands at each task: `metrics: [accuracy, f1]`";
const CLASSES: &str =
    "`binary` for two classes, `multiclass` for one of several, `multilabel` for several at once";
const ACTIVATION: &str =
    "write `activation: relu` for a layer of its own, or `{dense: {units: 64, activation: relu}}`";
const IMAGE: &str = "an input is an image by `{image: {height: 28, width: 28}}`";

/// The first that fits counts.
pub const SYNONYMS: &[Synonym] = &[
    // Metrics.
    is("auc roc rocauc aucroc rocaucscore binaryauroc areaunderroc areaundercurve", "auroc"),
    is("acc accuracyscore binaryaccuracy categoricalaccuracy sparsecategoricalaccuracy", "accuracy"),
    is("balancedacc balancedaccuracyscore", "balanced_accuracy"),
    is("ap aucpr prauc auprc averageprecisionscore", "average_precision"),
    is("f1score fscore fmeasure fbeta macrof1 microf1 f1macro f1micro f1weighted f1binary", "f1"),
    is("precisionscore precisionmacro precisionmicro", "precision"),
    is("recallscore sensitivity tpr recallmacro recallmicro", "recall"),
    is("r2score rsquared coefficientofdetermination", "r2"),
    is("negmeansquarederror meansquarederror mseloss l2loss msescore", "mse"),
    is("negrootmeansquarederror rootmeansquarederror rmsescore", "rmse"),
    is("negmeanabsoluteerror meanabsoluteerror l1loss l1score maescore", "mae"),
    entry(
        "mape meanabsolutepercentageerror smape",
        "mae",
        "there is no `mape`; `mae` and `rmse` are in the target's unit",
    ),
    is("neglogloss crossentropyscore", "log_loss"),
    is("brierscore brierscoreloss", "brier"),
    is("ece expectedcalibrationerror", "calibration_error"),
    is("kappa qwk cohenkappa cohenskappa cohenkappascore quadraticweightedkappa", "quadratic_kappa"),
    is("spearmanr spearmancorrelation", "spearman"),
    is("pearsonr correlation corr", "pearson"),
    is("iou jaccard miou jaccardindex", "mean_iou"),
    is("dicescore dicecoefficient", "dice"),
    is("seqevalf1 nerf1 entityf1", "span_f1"),
    is("rougel rouge1 rouge2 rougelsum", "rouge"),
    is("sacrebleu bleuscore", "bleu"),
    is("em exactmatchratio subsetaccuracy", "exact_match"),
    is("ppl", "perplexity"),
    // Layers.
    is("linear fc fullyconnected innerproduct affine", "dense"),
    entry("mlp", "dense", "write a layer of each width: `trunk: [{dense: 64}, {dense: 32}]`"),
    is("batchnorm1d batchnorm2d batchnormalization bn", "batch_norm"),
    is("layernormalization ln rmsnorm groupnorm", "layer_norm"),
    is("dropout1d dropout2d alphadropout", "dropout"),
    entry(
        "relu leakyrelu elu gelu silu swish tanh sigmoid softplus identity prelu selu mish",
        "activation",
        ACTIVATION,
    ),
    entry(
        "softmax logsoftmax",
        "activation",
        "a task's own last layer and softmax are added from its `kind`",
    ),
    is("conv conv2 convolution convolution2d", "conv2d"),
    is("conv1 convolution1d temporalconv tcn", "conv1d"),
    is("convtranspose conv2dtranspose deconv deconvolution", "conv_transpose2d"),
    is("maxpool maxpooling maxpooling2d", "max_pool2d"),
    is("avgpool averagepooling averagepooling2d meanpool", "avg_pool2d"),
    is(
        "globalaveragepooling globalaveragepooling2d globalmaxpooling2d adaptiveavgpool2d adaptiveaveragepooling gap",
        "global_pool",
    ),
    is("globalaveragepooling1d globalmaxpooling1d pooling", "pool"),
    is("upsampling upsampling2d interpolate resize", "upsample"),
    is("embed embeddings", "embedding"),
    entry("rnn simplernn", "gru", "write `gru` or `lstm`"),
    entry("bilstm bidirectional blstm", "lstm", "write `{lstm: {units: 64, bidirectional: true}}`"),
    entry("bigru", "gru", "write `{gru: {units: 64, bidirectional: true}}`"),
    is("attention selfattention mha", "multi_head_attention"),
    is("transformerencoder transformerencoderlayer transformerblock encoder bert", "transformer"),
    is("positionalencoding positionembedding positionalembedding", "positions"),
    is("skip resblock residualblock shortcut", "residual"),
    // Activations.
    is("swish hardswish", "silu"),
    is("lrelu leaky", "leaky_relu"),
    is("linear none", "identity"),
    is("logistic", "sigmoid"),
    is("newgelu geluapproximate quickgelu", "gelu"),
    // Kinds of tasks.
    entry("classification classifier categorical category", "multiclass", CLASSES),
    is("multiclassclassification multinomial softmax", "multiclass"),
    is("binaryclassification bool boolean logistic sigmoid", "binary"),
    is("multilabelclassification multioutput multihot set", "multilabel"),
    is("numeric numerical real continuous number float regressor scalar", "regression"),
    is("ordered rank ordinalregression coral", "ordinal"),
    is("ner sequencetagging tokenclassification sequencelabeling sequencelabelling pos tagger", "tagging"),
    is("seq2seq generation translation summarization sequence", "text"),
    is("lm causallm clm", "language_model"),
    is("semanticsegmentation mask", "segmentation"),
    is("depth densityestimation imagetoimage", "pixel_regression"),
    // Losses.
    is("mseloss l2 l2loss meansquarederror squarederror", "mse"),
    is("maeloss l1 l1loss meanabsoluteerror absoluteerror", "mae"),
    is("smoothl1 smoothl1loss huberloss", "huber"),
    is(
        "bce bceloss bcewithlogits bcewithlogitsloss binarycrossentropywithlogits logloss",
        "binary_cross_entropy",
    ),
    is(
        "ce celoss nll nllloss crossentropyloss softmaxcrossentropy categoricalcrossentropy sparsecategoricalcrossentropy",
        "cross_entropy",
    ),
    is("focalloss sigmoidfocalloss", "focal"),
    is("diceloss", "dice"),
    // Optimizers and schedules.
    is("momentum nesterov sgdmomentum", "sgd"),
    entry(
        "rmsprop adagrad adadelta lion lamb radam nadam adamax lbfgs",
        "adam",
        "write `adam`, `adamw` or `sgd`",
    ),
    is("cosineannealing cosineannealinglr cosinedecay", "cosine"),
    is("steplr multisteplr exponentiallr", "step"),
    is("onecycle onecyclelr cosinewithwarmup linearwarmupcosine", "warmup_cosine"),
    is("linearwithwarmup linearwarmup", "warmup_linear"),
    is("elasticnet l1l2", "elastic"),
    is("lasso", "l1"),
    is("ridge", "l2"),
    // Inputs.
    is(
        "numerical numeric continuous real float int zscore standard standardscaler normalize normalise normalization scaler scale standardization",
        "standardize",
    ),
    is("minmaxscaler minmaxscale", "min_max"),
    is("passthrough raw", "number"),
    is("categorical embedding embed labelencoder label ordinalencoder entity string", "category"),
    is("onehotencoder dummies dummy getdummies binary bool boolean", "one_hot"),
    is("timeseries sequence vector array list", "series"),
    is("picture pixels img png", "image"),
    is("bow tfidf nlp sentence document", "text"),
    // Sources and splits.
    entry(
        "tsv tab txt delimited table",
        "csv",
        "tables of tabs are read by `csv`: `{csv: {path: rows.tsv}}`, or `separator: \"\\t\"`",
    ),
    entry("json ndjson", "jsonl", "write one object a line, and `{jsonl: {path: rows.jsonl}}`"),
    entry(
        "excel xlsx xls spreadsheet ods",
        "csv",
        "save the sheet as CSV, and write `{csv: {path: rows.csv}}`",
    ),
    entry(
        "sql sqlite postgres mysql database",
        "csv",
        "write the table as `csv` or `parquet` first; `query` is SQL over a file",
    ),
    is("feather ipc", "arrow"),
    is("pq", "parquet"),
    is("mnist ubyte", "idx"),
    is("imagefolder folder", "images"),
    is("conll2003 iob", "conll"),
    is("shuffle traintestsplit holdout", "random"),
    is("stratify", "stratified"),
    is("grouped groupkfold groupshuffle", "group"),
    is("temporal chronological datetime timeseriessplit", "time"),
    entry(
        "kfold crossvalidation cv",
        "random",
        "there is no cross-validation; `random` splits once, and `sweep: {seeds: [1, 2, 3]}` repeats the training",
    ),
    is("predefined fixed", "column"),
    // Weighting and sharing.
    is("uw kendall uncertaintyweighting homoscedastic dynamicweighting", "uncertainty"),
    is("mgdaub", "mgda"),
    is("pcgradient gradientsurgery projectingconflictinggradients", "pcgrad"),
    is("gradientnormalization gradnormalization", "gradnorm"),
    is("dynamicweightaverage dynamicweightaveraging", "dwa"),
    is("sum mean none unitary average averaging", "equal"),
    is("rlw randomlossweighting", "random"),
    is("conflictaversegradient", "cagrad"),
    is("nash", "nash_mtl"),
    is("static manual weights weighted", "fixed"),
    is("hardparametersharing hps sharedbottom shared", "hard"),
    is("moe multigate multigatemixtureofexperts experts", "mmoe"),
    is("progressivelayeredextraction", "ple"),
    is("softparametersharing", "soft"),
    // Sections.
    entry(
        "model layers network body backbone architecture combiner",
        "trunk",
        "the shared layers are a list: `trunk: [{dense: {units: 64, activation: relu}}]`",
    ),
    is("dataset datasets tables files", "data"),
    is("features inputfeatures columns x predictors", "inputs"),
    is("outputs outputfeatures labels targets heads y objectives", "tasks"),
    is("training trainer fit", "train"),
    is("losses lossweights weights balancing lossweighting mtl", "weighting"),
    is("randomseed randomstate", "seed"),
    is("hpo hyperopt tune search gridsearch", "sweep"),
    is("eval evaluation test", "evaluate"),
    is("onnx output save", "export"),
    // Keys.
    is("label labels y column columns targetcolumn output", "target"),
    is("type task tasktype", "kind"),
    is("metric evalmetric scoring scores", "metrics"),
    is("criterion objective lossfn lossfunction", "loss"),
    is("layers decoder", "head"),
    is("table source", "data"),
    is("dependson requires", "after"),
    entry("lr learningrate initiallr baselr stepsize eta", "optimizer", RATE),
    is("lr learningrate initiallr baselr stepsize eta alpha", "rate"),
    entry("weightdecay wd", "optimizer", DECAY),
    entry("weightdecay wd l2 lambda", "decay", "`weight_decay` is called `decay` here"),
    entry("weightdecay", "rate", "`weight_decay` is a setting of `adamw`, called `decay`"),
    is("eps", "epsilon"),
    is("batch bs minibatch trainbatchsize", "batch_size"),
    is("numepochs maxepochs nepochs maxepoch iterations maxiter nestimators steps", "epochs"),
    is("opt optim solver", "optimizer"),
    is("scheduler lrscheduler lrschedule lrdecay warmup", "schedule"),
    entry("earlystopping earlystop patience earlystoppingrounds callbacks", "monitor", STOP),
    is("gradclip gradclipnorm maxgradnorm gradientclipping gradientclipval clip", "clip_norm"),
    is("gpu accelerator cuda gpus", "device"),
    is("init pretrained resumefrom finetune warmstart", "start_from"),
    entry("metrics metric", "monitor", SCORES),
    is("regularizer penalty l2 l1", "regularization"),
    is("checkpointing saveevery", "checkpoint"),
    is(
        "hidden hiddensize hiddenunits hiddendim outfeatures neurons width dim size outputsize unit nunits numunits",
        "units",
    ),
    is("channels outchannels filter features", "filters"),
    is("kernelsize filtersize window", "kernel"),
    is("strides", "stride"),
    is("pad", "padding"),
    is("dim embeddingdim embeddingsize embedding size dmodel", "width"),
    is("p prob probability dropout droprate", "rate"),
    is("function fn act nonlinearity", "activation"),
    is("name type fn act", "function"),
    is("numheads nheads nhead attentionheads", "heads"),
    is("numlayers nlayers depth", "layers"),
    is("ff ffn dimfeedforward intermediatesize feedforward hiddensize", "hidden"),
    is("usebias", "bias"),
    is("kernelpoolsize poolsize kernel kernelsize", "size"),
    is("val validation validationsplit validationsize dev valsize valsplit validfraction", "valid"),
    is("testsize testsplit testfraction holdout", "test"),
    is("stratify column key groups on field", "by"),
    entry(
        "traintestsplit splits partition validation val testsize cv",
        "split",
        "write `split: {random: {valid: 0.1, test: 0.2}}`",
    ),
    is("sql filter where transform", "query"),
    is("file filename filepath name", "path"),
    is("sep delimiter delim", "separator"),
    is("na navalues nullvalues nulls missingvalues nan null", "missing"),
    is("skip skiplines skiprow", "skip_rows"),
    is("quotechar quoting quotes", "quote"),
    is("decimalseparator decimalpoint decimalcomma", "decimal"),
    is("names colnames columnnames headers", "columns"),
    is("hasheader headers firstline", "header"),
    is("dropduplicates unique", "deduplicate"),
    is("columnsrenamed renamecolumns aliases", "rename"),
    is("imputation impute fillna fill imputer missingvaluestrategy strategy", "missing"),
    is("mincount minfreq minfrequency mindf", "minimum"),
    is("vocabsize maxfeatures numwords maxvocab", "vocabulary"),
    is("maxlength maxlen maxsequencelength sequencelength maxtokens", "length"),
    is("lower", "lowercase"),
    is("augmentation augmentations transforms", "augment"),
    entry("shape imageshape inputshape", "height", IMAGE),
    is("classweight weight", "class_weights"),
    is("smoothing labelsmooth", "label_smoothing"),
    is("posclass poslabel positiveclass positivelabel", "positive"),
    is("temp t", "temperature"),
    is("ntrials numsamples niter maxtrials", "trials"),
    is("params parameters grid searchspace hyperparameters", "space"),
    is("algorithm sampler", "search"),
    is("pruner", "pruning"),
    is("mode", "kind"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::spec::registry::REGISTRIES;
    use crate::spec::schema::schema;
    use crate::spec::synonym::{SYNONYMS, synonym};

    /// Every key and every fixed value of the language.
    fn names(schema: &Value, result: &mut BTreeSet<String>) {
        match schema {
            Value::Object(rules) => {
                for (key, rule) in rules {
                    match (key.as_str(), rule) {
                        ("properties", Value::Object(keys)) => result.extend(keys.keys().cloned()),
                        ("enum", Value::Array(values)) => {
                            result.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
                        }
                        ("const", Value::String(value)) => {
                            result.insert(value.clone());
                        }
                        _ => {}
                    }
                    names(rule, result);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, result)),
            _ => {}
        }
    }

    #[test]
    fn every_name_that_is_pointed_to_is_there_and_no_word_of_others_is_ours() {
        let mut known = BTreeSet::new();
        names(&schema(), &mut known);
        known.extend(REGISTRIES.iter().flat_map(|registry| registry.names()).map(ToString::to_string));
        for one in SYNONYMS {
            assert!(known.contains(one.ours), "{}", one.ours);
            for code in one.say.split('`').skip(1).step_by(2) {
                let word = code.split([':', '{', ' ']).find(|word| !word.is_empty()).unwrap_or_default();
                let foreign = one.others.split(' ').any(|other| other == word.replace('_', ""));
                assert!(known.contains(word) || foreign, "{word} in: {}", one.say);
            }
            for other in one.others.split(' ') {
                assert!(other.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{other}");
                assert_ne!(other, one.ours.replace('_', ""));
            }
        }
    }

    #[test]
    fn a_word_means_ours_only_where_ours_may_stand() {
        let sentences = |result, known: &[&str]| synonym(result, known);
        assert_eq!(sentences("ROC_AUC", &["accuracy", "auroc"]).unwrap(), "`ROC_AUC` is called `auroc` here");
        assert_eq!(sentences("nn.Linear", &["dense"]).unwrap(), "`nn.Linear` is called `dense` here");
        assert_eq!(sentences("linear", &["relu", "identity"]).unwrap(), "`linear` is called `identity` here");
        assert_eq!(sentences("lr", &["rate", "beta1"]).unwrap(), "`lr` is called `rate` here");
        assert!(sentences("lr", &["epochs", "optimizer"]).unwrap().contains("optimizer: {adamw: {rate"));
        assert_eq!(sentences("MaxPool2d", &["max_pool2d"]).unwrap(), "did you mean `max_pool2d`?");
        assert_eq!(sentences("auc", &["mse", "mae"]), None);
        assert_eq!(sentences("banana", &["mse"]), None);
    }
}
