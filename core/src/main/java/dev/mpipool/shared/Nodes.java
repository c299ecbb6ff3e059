package dev.mpipool.shared;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.comm.Communicator;
import dev.mpipool.files.ProcessId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which ranks share memory: found out by trying.
 *
 * <p>Ranks that report the same boot of a machine are candidates. The first of them makes a file,
 * and those who can open it are on its node. Containers and cloned machines may report the same and
 * yet see different files: ranks that cannot open the first rank's files try again among
 * themselves.
 *
 * <p>With the system property {@value #PRETEND} = n, rank r counts as on machine r mod n, so that a
 * test has several nodes on one host.
 */
final class Nodes {

  /** For each rank the lowest rank of its node. */
  private final int[] leaderOf;

  /** For each rank whether files have to keep their names until all of its node have them open. */
  private final boolean[] named;

  static final String PRETEND = "mpipool.shared.nodes";

  private static final String FOLDER = "mpipool.shared.folder";

  private Nodes(int size) {
    leaderOf = new int[size];
    Arrays.fill(leaderOf, -1);
    named = new boolean[size];
  }

  /** Collective. */
  static Nodes find(Communicator communicator) {
    List<ByteBuffer> machines = Agreement.exchange(communicator, () -> machine(communicator));
    Nodes nodes = new Nodes(communicator.size());
    while (IntStream.of(nodes.leaderOf).anyMatch(leader -> leader < 0)) {
      nodes.probe(communicator, machines);
    }
    return nodes;
  }

  /** Where files can be mapped without a disk, or else the folder for temporary files. */
  static Path folder(long bytes) throws IOException {
    Path memory = Path.of(System.getProperty(FOLDER, "/dev/shm"));
    Path disk = Path.of(System.getProperty("java.io.tmpdir"));
    for (Path folder : List.of(memory, disk)) {
      if (Files.isDirectory(folder)
          && Files.isWritable(folder)
          && Files.getFileStore(folder).getUsableSpace() >= bytes) {
        return folder;
      }
    }
    throw new IOException(
        "There is no room for %,d bytes, neither in %s nor in %s".formatted(bytes, memory, disk));
  }

  /** The lowest rank of a rank's node. */
  int leader(int rank) {
    return leaderOf[rank];
  }

  boolean named(int rank) {
    return named[rank];
  }

  int count() {
    return (int) IntStream.of(leaderOf).distinct().count();
  }

  /** The first ranks of the nodes, in order. */
  int[] leaders() {
    return IntStream.of(leaderOf).distinct().sorted().toArray();
  }

  /** How many ranks are on a rank's node. */
  int size(int rank) {
    return (int) IntStream.of(leaderOf).filter(leader -> leader == leaderOf[rank]).count();
  }

  /** One round: the first rank of each machine that has no node yet makes one. */
  private void probe(Communicator communicator, List<ByteBuffer> machines) {
    int rank = communicator.rank();
    int[] first = new int[leaderOf.length];
    for (int i = 0; i < first.length; i++) {
      first[i] = leaderOf[i] < 0 ? firstOpen(machines, machines.get(i)) : -1;
    }
    SharedFile[] made = new SharedFile[1];
    try {
      List<ByteBuffer> offers =
          Agreement.exchange(
              communicator,
              () -> {
                if (first[rank] != rank) {
                  return new byte[0];
                }
                made[0] = SharedFile.create(folder(SharedFile.HEADER_BYTES), named[rank]);
                return made[0].address().getBytes(UTF_8);
              });
      List<ByteBuffer> seen =
          Agreement.exchange(
              communicator,
              () -> {
                boolean sees = first[rank] == rank || sees(offers, first[rank]);
                return new byte[] {(byte) (sees ? 1 : 0)};
              });
      place(first, seen);
    } finally {
      close(made[0]);
    }
  }

  private int firstOpen(List<ByteBuffer> machines, ByteBuffer machine) {
    return IntStream.range(0, leaderOf.length)
        .filter(i -> leaderOf[i] < 0 && machines.get(i).equals(machine))
        .findFirst()
        .orElseThrow();
  }

  /** If anybody does not see a file without a name, its machine has another round with names. */
  private void place(int[] first, List<ByteBuffer> seen) {
    for (int leader = 0; leader < first.length; leader++) {
      int one = leader;
      int[] group = IntStream.range(0, first.length).filter(i -> first[i] == one).toArray();
      boolean all = IntStream.of(group).allMatch(i -> seen.get(i).get(0) == 1);
      for (int member : group) {
        if ((all || named[leader]) && seen.get(member).get(0) == 1) {
          leaderOf[member] = leader;
        }
      }
      if (!all) {
        IntStream.of(group).forEach(member -> named[member] = true);
      }
    }
  }

  private static boolean sees(List<ByteBuffer> offers, int leader) throws IOException {
    if (leader < 0) {
      return true;
    }
    try (SharedFile file =
        SharedFile.open(UTF_8.decode(offers.get(leader).duplicate()).toString()).orElse(null)) {
      return file != null;
    }
  }

  private static byte[] machine(Communicator communicator) {
    int nodes = Integer.getInteger(PRETEND, 0);
    String pretended = nodes > 0 ? " " + communicator.rank() % nodes : "";
    return (ProcessId.own().boot() + pretended).getBytes(UTF_8);
  }

  private static void close(SharedFile file) {
    try {
      if (file != null) {
        file.close();
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
