#!/bin/bash
#SBATCH --ntasks=16
#SBATCH --time=00:10:00
#SBATCH --signal=B:USR1@60
# Ranks and hosts are those of the job; mpipool is where its archive was unpacked.
exec "${MPIPOOL:-$HOME/mpipool}"/bin/mpjrun.sh -jar target/starter-1.0-SNAPSHOT.jar 1000
