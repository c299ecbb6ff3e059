package dev.mpipool.nativempi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Asks MPI which ranks are lost. Only Open MPI can tell, from version 5 on, and if its launcher was
 * called with {@code --with-ft ulfm}; elsewhere the launcher ends the job.
 */
final class FailureDetector {

  private static final boolean ENABLED =
      "1".equals(System.getenv("OMPI_MCA_mpi_ft_enable"))
          && MpiCalls.hasSymbol("MPIX_Comm_get_failed");

  private int known;

  static boolean isAvailable() {
    return ENABLED;
  }

  /** The ranks that have been lost since the last call, or some time before. */
  List<Integer> lost() {
    List<Integer> lost = new ArrayList<>();
    if (!ENABLED) {
      return lost;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment failed = arena.allocate(ValueLayout.JAVA_LONG);
      MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
      MpiCalls.onCommunicator("MPIX_Comm_get_failed", failed);
      MpiCalls.rare("MPI_Group_size", "pp", failed.get(ValueLayout.JAVA_LONG, 0), number.address());
      int count = number.get(ValueLayout.JAVA_INT, 0);
      if (count > known) {
        known = count;
        lost.addAll(ranks(arena, failed.get(ValueLayout.JAVA_LONG, 0), count));
        // Without this, looking for a message of any rank fails.
        MpiCalls.onCommunicator("MPIX_Comm_failure_ack", null);
      }
      MpiCalls.rare("MPI_Group_free", "p", failed.address());
    }
    return lost;
  }

  private static List<Integer> ranks(Arena arena, long failed, int count) {
    MemorySegment all = arena.allocate(ValueLayout.JAVA_LONG);
    MpiCalls.onCommunicator("MPI_Comm_group", all);
    MemorySegment from = arena.allocate(ValueLayout.JAVA_INT, count);
    MemorySegment to = arena.allocate(ValueLayout.JAVA_INT, count);
    for (int i = 0; i < count; i++) {
      from.setAtIndex(ValueLayout.JAVA_INT, i, i);
    }
    MpiCalls.rare(
        "MPI_Group_translate_ranks",
        "pippp",
        failed,
        count,
        from.address(),
        all.get(ValueLayout.JAVA_LONG, 0),
        to.address());
    MpiCalls.rare("MPI_Group_free", "p", all.address());
    List<Integer> ranks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ranks.add(to.getAtIndex(ValueLayout.JAVA_INT, i));
    }
    return ranks;
  }
}
