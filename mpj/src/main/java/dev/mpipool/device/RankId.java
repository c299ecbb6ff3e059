package dev.mpipool.device;

import java.util.UUID;
import xdev.ProcessID;

/** MPJ Express knows a process by its UUID, the device by its rank: this knows both. */
final class RankId extends ProcessID {

  final int rank;

  RankId(int rank) {
    super(UUID.randomUUID());
    this.rank = rank;
  }
}
