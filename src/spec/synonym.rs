//! Names that other libraries use: PyTorch, Keras, scikit-learn, XGBoost, Ludwig, LightGBM, Lightning. An
//! error about one of them suggests the name that is valid here.
//!
//! A test checks that every name suggested here exists.

/// Names used by other libraries, and our name for the same thing.
#[derive(Clone, Copy, Debug)]
pub struct Synonym {
    /// Separated by blanks, in lower case, without `_` and `-`.
    pub others: &'static str,
    /// Our name. The synonym applies only where this name is valid.
    pub ours: &'static str,
    /// The hint, if "`auc` is called `auroc` here" is not enough.
    pub hint: &'static str,
}

const fn is(others: &'static str, ours: &'static str) -> Synonym {
    Synonym { others, ours, hint: "" }
}

const fn with_hint(others: &'static str, ours: &'static str, hint: &'static str) -> Synonym {
    Synonym { others, ours, hint }
}

/// Returns a hint for a name of another library that means one of the known names.
pub(crate) fn synonym(name: &str, known: &[&str]) -> Option<String> {
    // The last part of `nn.Linear` and `tf.keras.layers.Dense` is the name.
    let normalized = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        last.to_lowercase().replace(['_', '-', ' '], "")
    };
    let plain_name = normalized(name);
    if let Some(same) = known.iter().find(|name| normalized(name) == plain_name) {
        return Some(format!("did you mean `{same}`?"));
    }
    let meant = SYNONYMS
        .iter()
        .find(|one| known.contains(&one.ours) && one.others.split(' ').any(|other| other == plain_name))?;
    Some(match meant.hint {
        "" => format!("`{name}` is called `{}` here", meant.ours),
        hint => hint.to_owned(),
    })
}

const RATE: &str = "the learning rate is a setting of the optimizer: `optimizer: {adamw: {rate: 1.0e-3}}`";
const DECAY: &str = "weight decay is a setting of the optimizer: `optimizer: {adamw: {decay: 0.01}}`";
const STOP: &str = "early stopping is set by `monitor: {patience: 5}`";
const SCORES: &str = "metrics are settings of each task: `metrics: [accuracy, f1]`";
const CLASSES: &str =
    "write `binary` for two classes, `multiclass` for one of several, `multilabel` for several at once";
const ACTIVATION: &str =
    "write `activation: relu` for a separate layer, or `{dense: {units: 64, activation: relu}}`";
const IMAGE: &str = "write an image input as `{image: {height: 28, width: 28}}`";

/// The first match counts.
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
    with_hint(
        "mape meanabsolutepercentageerror smape",
        "mae",
        "`mape` is not available; `mae` and `rmse` are in the target's unit",
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
    with_hint("mlp", "dense", "write one layer per width: `trunk: [{dense: 64}, {dense: 32}]`"),
    is("batchnorm1d batchnorm2d batchnormalization bn", "batch_norm"),
    is("layernormalization ln groupnorm", "layer_norm"),
    is("dropout1d dropout2d alphadropout", "dropout"),
    with_hint(
        "relu leakyrelu elu gelu silu swish tanh sigmoid softplus identity prelu selu mish",
        "activation",
        ACTIVATION,
    ),
    with_hint(
        "softmax logsoftmax",
        "activation",
        "the output layer and softmax of a task are added automatically from its `kind`",
    ),
    is("conv conv2 convolution convolution2d", "conv2d"),
    is("conv1 convolution1d temporalconv tcn", "conv1d"),
    with_hint(
        "depthwiseconv depthwiseconv2d",
        "conv2d",
        "write `{conv2d: {filters: 32, groups: depthwise}}`",
    ),
    is("squeezeexcitation squeezeandexcitation seblock", "squeeze_excite"),
    is("stochasticdepth", "drop_path"),
    is("convtranspose conv2dtranspose deconv deconvolution", "conv_transpose2d"),
    is("maxpool maxpooling maxpooling2d", "max_pool2d"),
    is("avgpool averagepooling averagepooling2d meanpool", "avg_pool2d"),
    is(
        "globalaveragepooling globalaveragepooling2d globalmaxpooling2d adaptiveavgpool2d \
         adaptiveaveragepooling gap",
        "global_pool",
    ),
    is("globalaveragepooling1d globalmaxpooling1d pooling", "pool"),
    is("upsampling upsampling2d interpolate resize", "upsample"),
    is("embed embeddings", "embedding"),
    with_hint("rnn simplernn", "gru", "write `gru` or `lstm`"),
    with_hint("bilstm bidirectional blstm", "lstm", "write `{lstm: {units: 64, bidirectional: true}}`"),
    with_hint("bigru", "gru", "write `{gru: {units: 64, bidirectional: true}}`"),
    is("attention selfattention mha", "multi_head_attention"),
    is("transformerencoder transformerencoderlayer transformerblock encoder bert", "transformer"),
    is("positionalencoding positionembedding positionalembedding", "positions"),
    is("skip resblock residualblock shortcut", "residual"),
    // Activations.
    is("swish", "silu"),
    is("lrelu leaky", "leaky_relu"),
    is("linear none", "identity"),
    is("logistic", "sigmoid"),
    is("newgelu gelunew geluapproximate gelupytorchtanh", "gelu_tanh"),
    // Kinds of tasks.
    with_hint("classification classifier categorical category", "multiclass", CLASSES),
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
        "ce celoss nll nllloss crossentropyloss softmaxcrossentropy categoricalcrossentropy \
         sparsecategoricalcrossentropy",
        "cross_entropy",
    ),
    is("focalloss sigmoidfocalloss", "focal"),
    is("diceloss", "dice"),
    // Optimizers and schedules.
    is("momentum nesterov sgdmomentum", "sgd"),
    with_hint(
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
        "numerical numeric continuous real float int zscore standard standardscaler normalize normalise \
         normalization scaler scale standardization",
        "standardize",
    ),
    is("minmaxscaler minmaxscale", "min_max"),
    is("robustscaler iqr median", "robust"),
    is(
        "quantiletransformer rankgauss gaussrank powertransformer yeojohnson boxcox quantilescaler",
        "quantile",
    ),
    is(
        "ple piecewiselinear piecewiselinearencoding kbinsdiscretizer bins binning discretize buckets",
        "piecewise",
    ),
    is("passthrough raw", "number"),
    is("categorical embedding embed labelencoder label ordinalencoder entity string", "category"),
    is("onehotencoder dummies dummy getdummies binary bool boolean", "one_hot"),
    is("timeseries sequence vector array list", "series"),
    is("picture pixels img png", "image"),
    is("bow tfidf nlp sentence document", "text"),
    // Sources and splits.
    with_hint(
        "tsv tab txt delimited table",
        "csv",
        "`csv` also reads tab-separated files: `{csv: {path: rows.tsv}}`, or `separator: \"\\t\"`",
    ),
    with_hint("json ndjson", "jsonl", "write one object per line, and `{jsonl: {path: rows.jsonl}}`"),
    with_hint(
        "excel xlsx xls spreadsheet ods",
        "csv",
        "save the sheet as CSV and write `{csv: {path: rows.csv}}`",
    ),
    with_hint(
        "sql sqlite postgres mysql database",
        "csv",
        "export the table as `csv` or `parquet` first; `query` runs SQL over a file",
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
    with_hint(
        "kfold crossvalidation cv",
        "random",
        "cross-validation is not available; `random` splits once, and `sweep: {seeds: [1, 2, 3]}` repeats \
         the training",
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
    with_hint(
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
    with_hint("lr learningrate initiallr baselr stepsize eta", "optimizer", RATE),
    is("lr learningrate initiallr baselr stepsize eta alpha", "rate"),
    with_hint("weightdecay wd", "optimizer", DECAY),
    with_hint("weightdecay wd l2 lambda", "decay", "`weight_decay` is called `decay` here"),
    with_hint("weightdecay", "rate", "`weight_decay` is a setting of `adamw`, called `decay`"),
    is("eps", "epsilon"),
    is("batch bs minibatch trainbatchsize", "batch_size"),
    is(
        "gradientcheckpoint gradcheckpointing activationcheckpointing checkpointactivations recompute \
         usereentrant checkpointblocks",
        "gradient_checkpointing",
    ),
    is(
        "gradientaccumulation gradientaccumulationsteps accumulategradbatches accumulationsteps \
         accumulategradients accumsteps",
        "accumulate",
    ),
    is("learningrates lrs paramgroups parametergroups layerlr discriminativelr", "rates"),
    is("frozen freezelayers frozenlayers", "freeze"),
    is("gradualunfreezing unfreezing", "unfreeze"),
    is("numepochs maxepochs nepochs maxepoch iterations maxiter nestimators steps", "epochs"),
    is("opt optim solver", "optimizer"),
    is("scheduler lrscheduler lrschedule lrdecay warmup", "schedule"),
    with_hint("earlystopping earlystop patience earlystoppingrounds callbacks", "monitor", STOP),
    is("gradclip gradclipnorm maxgradnorm gradientclipping gradientclipval clip", "clip_norm"),
    is("gpu accelerator cuda gpus", "device"),
    is("init pretrained resumefrom finetune warmstart", "start_from"),
    with_hint("metrics metric", "monitor", SCORES),
    is("regularizer penalty l2 l1", "regularization"),
    is("checkpointing saveevery", "checkpoint"),
    is(
        "hidden hiddensize hiddenunits hiddendim outfeatures neurons width dim size outputsize unit nunits \
         numunits",
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
    with_hint(
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
    with_hint("shape imageshape inputshape", "height", IMAGE),
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
mod tests;
