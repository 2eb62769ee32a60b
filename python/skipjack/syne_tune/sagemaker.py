"""Names of what runs on Amazon SageMaker. Launchers import them beside what they use, so they are there;
what would need SageMaker is refused when it is called."""

from ..errors import Unsupported

DEFAULT_CPU_INSTANCE = "ml.c5.4xlarge"
DEFAULT_CPU_INSTANCE_SMALL = "ml.m5.large"
DEFAULT_GPU_INSTANCE_1GPU = "ml.g4dn.xlarge"
DEFAULT_GPU_INSTANCE_4GPU = "ml.g4dn.12xlarge"
PYTORCH_LATEST_FRAMEWORK = "1.12.1"
PYTORCH_LATEST_PY_VERSION = MXNET_LATEST_PY_VERSION = "py38"
HUGGINGFACE_LATEST_FRAMEWORK_VERSION = "4.4"
HUGGINGFACE_LATEST_PYTORCH_VERSION = "1.7.1"
HUGGINGFACE_LATEST_TRANSFORMERS_VERSION = "4.6.1"
HUGGINGFACE_LATEST_PY_VERSION = "py36"
MXNET_LATEST_VERSION = "1.9.0"


def _refused(name, instead):
    def refuse(*_, **__):
        raise Unsupported(f"Syne Tune's {name} needs Amazon SageMaker, which is not driven from here", instead)

    refuse.__name__ = name
    return refuse


SageMakerBackend = _refused("SageMakerBackend", "use LocalBackend; Syne Tune has dropped it too")
RemoteLauncher = _refused("RemoteLauncher", "run the launcher on the instance; Syne Tune has dropped it too")
get_execution_role = _refused("get_execution_role", "")
default_sagemaker_session = _refused("default_sagemaker_session", "")
