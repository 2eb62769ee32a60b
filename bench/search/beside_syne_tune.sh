#!/bin/bash
# Methods beside Syne Tune's of the same name on the tables of learning curves: writes the table of docs/bench-search.md.
#
#     PEER_PYTHON=venv/bin/python bench/search/beside_syne_tune.sh SKIPJACK FOLDER [FIRST_SEED SEEDS [NAME...]]
#
# PEER_PYTHON has what peers_multifidelity.py wants. NAME: Syne Tune's, of the list below; default all. Both sides begin
# with the middle of the space, as both do by default. Results go to FOLDER, a file for each method, table and range of
# seeds; what is there is not played again, so that seeds (default 0 and 30), tables (TASKS) and names can be added. A
# folder is for one budget (EVALS, default 30): with models Syne Tune takes minutes for a tuning of 30. What fails is
# told of, and left out. The comparison is over all that is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
curves=$here/../data/curves
skipjack=$1 folder=$2 first=${3:-0} seeds=${4:-30}
shift $(($# < 4 ? $# : 4))
tasks=${TASKS:-3945 7593 126026 167190} evals=${EVALS:-30}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

# Syne Tune's name and ours, in the order of the docs.
names=(SyncHyperband=sync_hyperband ASHA=asha ASHA-promotion=asha:type=promotion PASHA=pasha
  Hyperband=hyperband:brackets=4 PBT=pbt MedianStoppingRule=median_stopping REA=rea KDE=tpe BOHB=bohb
  DEHB=dehb SyncBOHB=sync_bohb BORE=bore CQR=cqr ASHABORE=ashabore ASHACQR=ashacqr HyperTune=hypertune
  DyHPO=dyhpo MOBSTER=mobster SyncMOBSTER=sync_mobster RandomSearch=random BayesianOptimization=bayesopt)
declare -A ours
for pair in "${names[@]}"; do ours[${pair%%=*}]=${pair#*=}; done
if (($# == 0)); then set -- "${names[@]%%=*}"; fi

mkdir -p "$folder"
door=$folder/peers.socket
"$PEER_PYTHON" "$here/peers_multifidelity.py" --serve "$door" 2> "$folder/server.log" &
server=$!
trap 'kill $server; rm -f "$door"' EXIT
until [ -S "$door" ]; do kill -0 $server; sleep 0.2; done

play() {  # FILE FLAGS...
  local file=$1
  shift
  [ -s "$file" ] && return 0
  "$skipjack" bench search --evals "$evals" --workers 4 --start midpoint --seeds "$seeds" --first-seed "$first" "$@" \
    --json "$file" > "${file%.json}.txt" && return 0
  echo "failed: $file (${file%.json}.txt says how far it came)" >&2
  rm -f "$file"
  failed=1
  return 1
}
failed=0
pairs=()
range=$first-$((first + seeds - 1))
for name in "$@"; do
  both=0
  for task in $tasks; do
    table=$curves/lcbench_$task.gz
    play "$folder/${ours[$name]//[:=]/_}-$task-$range.json" --curves "$table" --method "${ours[$name]}" &&
      play "$folder/st-$name-$task-$range.json" --curves "$table" --method random \
        --peer "st-$name=$PEER_PYTHON -S $here/peers_multifidelity.py --through $door $name" && both=1
  done
  if ((both)); then pairs+=("${ours[$name]}=st-$name"); fi
done
python3 "$here/non_inferiority.py" --pair "${pairs[@]}" -- "$folder"/*.json
exit $failed
