package dev.mpipool.comm;

import java.util.Arrays;
import java.util.List;
import org.apache.commons.lang3.Validate;

/** Maps between the ranks of a communicator and those of its transport. Immutable. */
final class Members {

  /** Transport ranks by communicator rank; null if both are the same. */
  private final int[] ofTransport;

  /** Communicator ranks by transport rank; -1 for ranks that are not members. */
  private final int[] ofCommunicator;

  private final int size;

  private Members(int[] ofTransport, int[] ofCommunicator, int size) {
    this.ofTransport = ofTransport;
    this.ofCommunicator = ofCommunicator;
    this.size = size;
  }

  static Members all(int size) {
    return new Members(null, null, size);
  }

  /** Some ranks of a transport. */
  static Members of(int[] ranks, int transportSize) {
    int[] inverse = new int[transportSize];
    Arrays.fill(inverse, -1);
    boolean all = ranks.length == transportSize;
    for (int i = 0; i < ranks.length; i++) {
      inverse[ranks[i]] = i;
      all &= ranks[i] == i;
    }
    return all ? all(transportSize) : new Members(ranks.clone(), inverse, ranks.length);
  }

  /** The members with these ranks of the communicator. */
  Members select(List<Integer> ranks, int transportSize) {
    return of(ranks.stream().mapToInt(this::transportRank).toArray(), transportSize);
  }

  int size() {
    return size;
  }

  /** Checks that an argument is a rank of the communicator. */
  void check(int rank, String what) {
    Validate.isTrue(rank >= 0 && rank < size, "No %s %d among %d ranks", what, rank, (Object) size);
  }

  boolean areAll() {
    return ofTransport == null;
  }

  int transportRank(int rank) {
    return ofTransport == null ? rank : ofTransport[rank];
  }

  /** The rank in the communicator; -1 if the transport rank is not a member. */
  int rankOf(int transportRank) {
    return ofTransport == null ? transportRank : ofCommunicator[transportRank];
  }

  boolean contains(int transportRank) {
    return rankOf(transportRank) >= 0;
  }
}
