"""Names that Syne Tune's results and arguments have."""

__version__ = "0.13.0"  # whose names are meant where versions differ

SYNE_TUNE_ENV_FOLDER = "SYNETUNE_FOLDER"
SYNE_TUNE_DEFAULT_FOLDER = "syne-tune"
SYNE_TUNE_FOLDER = SYNE_TUNE_DEFAULT_FOLDER
ST_TUNER_CREATION_TIMESTAMP = SMT_TUNER_CREATION_TIMESTAMP = "st_tuner_creation_timestamp"
ST_TUNER_START_TIMESTAMP = SMT_TUNER_START_TIMESTAMP = "st_tuner_start_timestamp"
ST_WORKER_ITER = SMT_WORKER_ITER = "st_worker_iter"
ST_WORKER_TIMESTAMP = SMT_WORKER_TIMESTAMP = "st_worker_timestamp"
ST_WORKER_TIME = SMT_WORKER_TIME = "st_worker_time"
ST_WORKER_COST = SMT_WORKER_COST = "st_worker_cost"
ST_INSTANCE_TYPE = "st_instance_type"
ST_INSTANCE_COUNT = "st_instance_count"
ST_SAGEMAKER_METRIC_TAG = "tune-metric"
ST_TRIAL_ID = "trial_id"
ST_TUNER_TIMESTAMP = "st_tuner_timestamp"
ST_TUNER_TIME = SMT_TUNER_TIME = "st_tuner_time"
ST_DECISION = SMT_DECISION = "st_decision"
ST_STATUS = SMT_STATUS = "st_status"
ST_CHECKPOINT_DIR = SMT_CHECKPOINT_DIR = "st_checkpoint_dir"
ST_CONFIG_JSON_FNAME_ARG = "st_config_json_filename"
ST_RESULTS_DATAFRAME_FILENAME = "results.csv.zip"
ST_METADATA_FILENAME = "metadata.json"
ST_TUNER_DILL_FILENAME = "tuner.dill"
ST_DATETIME_FORMAT = "%Y-%m-%d-%H-%M-%S"
TUNER_DEFAULT_SLEEP_TIME = 5.0
MAX_METRICS_SUPPORTED_BY_SAGEMAKER = 40
