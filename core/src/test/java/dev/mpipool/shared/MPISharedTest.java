package dev.mpipool.shared;

import static dev.mpipool.shared.MPIShared.at;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.LocalCommunicator;
import dev.mpipool.files.ProcessId;
import dev.mpipool.testing.Ranks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.DoubleBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class MPISharedTest {

  private static final String NODES = "mpipool.shared.nodes";
  private static final String FOLDER = "mpipool.shared.folder";
  private static final String SEGMENT = "mpipool.shared.segmentBits";

  @TempDir Path folder;

  @AfterEach
  void forgetProperties() {
    List.of(NODES, FOLDER, SEGMENT).forEach(System::clearProperty);
  }

  private List<String> files() throws IOException {
    try (Stream<Path> found = Files.list(folder)) {
      return found.map(file -> file.getFileName().toString()).toList();
    }
  }

  /** The exception of each rank, or null. */
  private static List<Throwable> failures(List<Communicator> ranks, Ranks.Body<?> body)
      throws Exception {
    return Ranks.onAll(ranks, own -> catchThrowable(() -> body.run(own)));
  }

  @ParameterizedTest
  @CsvSource({"1,1", "2,1", "3,1", "4,1", "2,2", "3,2", "4,2", "4,3", "4,4", "7,5"})
  void theBlockOfAnyRankReachesEveryNode(int size, int nodes) throws Exception {
    System.setProperty(NODES, Integer.toString(nodes));
    Ranks.onAll(
        size,
        own -> {
          try (SharedDoubles shared = MPIShared.doubles(own, 3, 5)) {
            assertThat(shared.nodeCount()).isEqualTo(nodes);
            assertThat(shared.get(2, 4)).isZero();
            for (int from = 0; from < size; from++) {
              double[][] block = {{from + 1, 2}, {3, 4 + from}};
              shared.set(own.rank() == from ? block : null, at(1, 2), from);
              assertThat(shared.get(1, 2)).isEqualTo(from + 1);
              assertThat(shared.get(2, 3)).isEqualTo(4 + from);
              own.barrier();
            }
            assertThat(shared.block(at(0, 0), 3, 5))
                .containsExactly(0, 0, 0, 0, 0, 0, 0, size, 2, 0, 0, 0, 3, size + 3, 0);
          }
          return null;
        });
  }

  @Test
  void oneProcessNeedsNoCommunicator() {
    try (SharedInts shared = MPIShared.ints(null, 4)) {
      shared.set(new int[] {5, 6}, at(1), 0);
      shared.set(new int[] {7}, null);
      assertThat(shared.block(at(0), 4)).containsExactly(7, 5, 6, 0);
      assertThat(shared.nodeCommunicator().size()).isEqualTo(1);
      assertThat(shared.acrossNodesCommunicator().size()).isEqualTo(1);
    }
  }

  @Test
  void everyPrimitiveTypeTravels() throws Exception {
    System.setProperty(NODES, "2");
    Ranks.onAll(
        2,
        own -> {
          boolean first = own.rank() == 0;
          try (SharedFloats floats = MPIShared.floats(own, 2);
              SharedLongs longs = MPIShared.longs(own, 2);
              SharedInts ints = MPIShared.ints(own, 1, 2);
              SharedShorts shorts = MPIShared.shorts(own, 2);
              SharedChars chars = MPIShared.chars(own, 2);
              SharedBytes bytes = MPIShared.bytes(own, 1, 1, 2)) {
            floats.set(first ? new float[] {1.5f} : null, at(1));
            longs.set(first ? new long[] {Long.MIN_VALUE} : null, at(1));
            ints.set(first ? new int[][] {{Integer.MIN_VALUE}} : null, at(0, 1));
            shorts.set(first ? new short[] {Short.MIN_VALUE} : null, at(1));
            chars.set(first ? new char[] {'\uffff'} : null, at(1));
            bytes.set(first ? new byte[][][] {{{-128}}} : null, at(0, 0, 1));
            assertThat(floats.view().get(1)).isEqualTo(floats.get(1)).isEqualTo(1.5f);
            assertThat(longs.view().get(1)).isEqualTo(longs.get(1)).isEqualTo(Long.MIN_VALUE);
            assertThat(ints.view().get(1)).isEqualTo(ints.get(0, 1)).isEqualTo(Integer.MIN_VALUE);
            assertThat(shorts.view().get(1)).isEqualTo(shorts.get(1)).isEqualTo(Short.MIN_VALUE);
            assertThat(chars.view().get(1)).isEqualTo(chars.get(1)).isEqualTo('\uffff');
            assertThat(bytes.view().get(1)).isEqualTo(bytes.get(0, 0, 1)).isEqualTo(Byte.MIN_VALUE);
            own.barrier();
          }
          return null;
        });
  }

  /** Blocks of all shapes at random places, against a plain array; segments of 64 bytes. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void randomBlocksInAnArrayOfManySegments(int nodes) throws Exception {
    System.setProperty(NODES, Integer.toString(nodes));
    System.setProperty(SEGMENT, "6");
    long[] extents = {5, 4, 7};
    Ranks.onAll(
        3,
        own -> {
          Random random = new Random(11);
          int[] expected = new int[5 * 4 * 7];
          try (SharedInts shared = MPIShared.ints(own, extents)) {
            for (int round = 1; round <= 100; round++) {
              long[] offset = new long[3];
              long[] shape = new long[3];
              for (int i = 0; i < 3; i++) {
                shape[i] = 1 + random.nextLong(extents[i]);
                offset[i] = random.nextLong(extents[i] - shape[i] + 1);
              }
              int[][][] nested = new int[(int) shape[0]][(int) shape[1]][(int) shape[2]];
              int[] flat = new int[(int) (shape[0] * shape[1] * shape[2])];
              for (int i = 0; i < flat.length; i++) {
                int[] at = {
                  i / (int) (shape[1] * shape[2]),
                  i / (int) shape[2] % (int) shape[1],
                  i % (int) shape[2]
                };
                flat[i] = 1_000 * round + i;
                nested[at[0]][at[1]][at[2]] = flat[i];
                expected[
                        (int)
                            (((offset[0] + at[0]) * 4 + offset[1] + at[1]) * 7
                                + offset[2]
                                + at[2])] =
                    flat[i];
              }
              if (round % 2 == 0) {
                shared.set(nested, offset, round % 3);
              } else {
                shared.set(flat, shape, offset, round % 3);
              }
              assertThat(shared.block(offset, shape)).isEqualTo(flat);
              assertThat(shared.block(at(0, 0, 0), extents)).isEqualTo(expected);
              int[] viewed = new int[100];
              shared.view(round % 40, 100).get(viewed);
              assertThat(viewed)
                  .isEqualTo(Arrays.copyOfRange(expected, round % 40, round % 40 + 100));
              own.barrier();
            }
          }
          return null;
        });
  }

  @Test
  void blocksLongerThanAPieceReachEveryNode() throws Exception {
    System.setProperty(NODES, "4");
    double[] values = new Random(3).doubles(1_300_000).toArray();
    Ranks.onAll(
        4,
        own -> {
          try (SharedDoubles shared = MPIShared.doubles(own, 1_300_003)) {
            shared.set(own.rank() == 1 ? values : null, at(2), 1);
            assertThat(shared.block(at(2), 1_300_000)).isEqualTo(values);
            own.barrier();
          }
          return null;
        });
  }

  @Test
  void communicatorsOfTheNodeAndAcrossNodes() throws Exception {
    System.setProperty(NODES, "2");
    List<String> told =
        Ranks.onAll(
            5,
            own -> {
              try (SharedBytes shared = MPIShared.bytes(own, 1)) {
                Communicator node = shared.nodeCommunicator();
                Communicator across = shared.acrossNodesCommunicator();
                node.barrier();
                across.barrier();
                own.barrier();
                return node.rank() + "/" + node.size() + " " + across.rank() + "/" + across.size();
              }
            });
    assertThat(told).containsExactly("0/3 0/2", "0/2 1/2", "1/3 0/2", "1/2 1/2", "2/3 0/1");
  }

  static Stream<Ranks.Body<?>> wrongCalls() {
    return Stream.of(
        own -> MPIShared.doubles(own, own.rank() == 1 ? 4 : 3),
        own -> MPIShared.doubles(own, own.rank() == 1 ? 0 : 3),
        own -> own.rank() == 1 ? MPIShared.doubles(own, 3) : MPIShared.floats(own, 3),
        own -> MPIShared.doubles(own, own.rank() == 1 ? new long[] {} : new long[] {3}),
        own -> MPIShared.doubles(own, Long.MAX_VALUE / 4, 8));
  }

  @ParameterizedTest
  @MethodSource("wrongCalls")
  void ranksThatDisagreeAboutTheArrayAllGetAnError(Ranks.Body<?> call) throws Exception {
    assertThat(failures(LocalCommunicator.create(3), call))
        .hasSize(3)
        .allSatisfy(e -> assertThat(e).isInstanceOf(IllegalArgumentException.class));
  }

  /** What a rank does wrong, while the others call set(null, null, 0). */
  static Stream<BiConsumer<SharedDoubles, Integer>> wrongSets() {
    return Stream.of(
        (shared, rank) -> shared.set(rank == 0 ? new double[][] {{1, 2, 3}} : null, at(0, 1), 0),
        (shared, rank) -> shared.set(rank == 0 ? new double[][] {{1}} : null, at(0, -1), 0),
        (shared, rank) -> shared.set(rank == 0 ? new double[][] {{1}} : null, at(0), 0),
        (shared, rank) -> shared.set(rank == 0 ? new double[] {1} : null, at(0, 0), 0),
        (shared, rank) -> shared.set(rank == 0 ? new double[][] {{1}, {1, 2}} : null, null, 0),
        (shared, rank) -> shared.set(rank == 0 ? new double[][] {{1}, null} : null, null, 0),
        (shared, rank) -> shared.set(rank == 0 ? new double[][] {{}} : null, null, 0),
        (shared, rank) -> shared.set(rank == 0 ? new float[][] {{1}} : null, null, 0),
        (shared, rank) -> shared.set(rank == 0 ? "values" : null, null, 0),
        (shared, rank) -> shared.set(null, null, 0),
        (shared, rank) -> shared.set(new double[] {1}, at(1, 2), at(0, 0), 0),
        (shared, rank) -> shared.set(new double[][] {{1}}, at(0, 0), rank),
        (shared, rank) -> shared.set(new double[][] {{1}}, at(0, 0), 3),
        (shared, rank) -> shared.set(new double[][] {{1}}, at(0, 0), -1),
        (shared, rank) -> shared.set(new double[][] {{1}}, at(0, 0)),
        (shared, rank) -> shared.set(null, at(0, 0)),
        (shared, rank) -> {
          if (rank == 0) {
            shared.set(new double[][] {{1}}, at(0, 0), 0);
          } else {
            shared.set(null, at(0, 0));
          }
        });
  }

  @ParameterizedTest
  @MethodSource("wrongSets")
  void aWrongBlockIsAnErrorOnAllRanksAndChangesNothing(BiConsumer<SharedDoubles, Integer> set)
      throws Exception {
    System.setProperty(NODES, "2");
    Ranks.onAll(
        3,
        own -> {
          try (SharedDoubles shared = MPIShared.doubles(own, 2, 3)) {
            assertThatItIsRefused(() -> set.accept(shared, own.rank()));
            assertThat(shared.block(at(0, 0), 2, 3)).containsOnly(0);
            own.barrier();
            shared.set(own.rank() == 2 ? new double[][] {{9}} : null, at(1, 1), 2);
            assertThat(shared.get(1, 1)).isEqualTo(9);
            own.barrier();
          }
          return null;
        });
  }

  private static void assertThatItIsRefused(Runnable call) {
    assertThat(catchThrowable(call::run))
        .isInstanceOfAny(IllegalArgumentException.class, NullPointerException.class);
  }

  @Test
  void readingOutsideIsRefused() {
    try (SharedDoubles shared = MPIShared.doubles(null, 2, 3)) {
      for (Runnable read :
          List.<Runnable>of(
              () -> shared.get(2, 0),
              () -> shared.get(0, 3),
              () -> shared.get(-1, 0),
              () -> shared.view(5, 2),
              () -> shared.view(-1, 1))) {
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(read::run);
      }
      assertThatIllegalArgumentException().isThrownBy(() -> shared.get(0));
      assertThatIllegalArgumentException().isThrownBy(() -> shared.get(0, 0, 0));
      assertThatIllegalArgumentException().isThrownBy(() -> shared.block(at(1, 1), 2, 2));
    }
  }

  @Test
  void viewsAreReadOnly() {
    try (SharedDoubles shared = MPIShared.doubles(null, 4)) {
      DoubleBuffer view = shared.view();
      assertThat(view.capacity()).isEqualTo(4);
      assertThatExceptionOfType(ReadOnlyBufferException.class).isThrownBy(() -> view.put(0, 1));
    }
  }

  @Test
  void aClosedArraySaysSo() {
    SharedDoubles shared = MPIShared.doubles(null, 4);
    shared.close();
    shared.close();
    assertThatIllegalStateException().isThrownBy(() -> shared.get(0));
    assertThatIllegalStateException().isThrownBy(shared::view);
    assertThatIllegalStateException().isThrownBy(() -> shared.set(new double[] {1}, null, 0));
    assertThat(shared.toString()).contains("double[4]", "closed");
  }

  @Test
  void theSummaryIsShortAndTheFullTextHasEverything() {
    try (SharedInts shared = MPIShared.ints(null, 2, 2, 4)) {
      shared.set(IntStream.range(0, 16).toArray(), at(2, 2, 4), null, 0);
      assertThat(shared.toString())
          .isEqualTo("MPIShared int[2, 2, 4], 1 ranks on 1 nodes: [0 1 2 ... 13 14 15]");
      assertThat(shared.toStringFull().lines())
          .containsExactly(
              "MPIShared int[2, 2, 4], 1 ranks on 1 nodes",
              "[[[0 1 2 3]",
              "  [4 5 6 7]]",
              " [[8 9 10 11]",
              "  [12 13 14 15]]]");
    }
  }

  @Test
  void theFileHasNoNameWhileItIsUsed() throws Exception {
    System.setProperty(FOLDER, folder.toString());
    Ranks.onAll(
        3,
        own -> {
          try (SharedBytes shared = MPIShared.bytes(own, 10_000)) {
            assertThat(files()).isEmpty();
            shared.set(own.rank() == 0 ? new byte[] {7} : null, at(9_999), 0);
            assertThat(shared.get(9_999)).isEqualTo((byte) 7);
            own.barrier();
          }
          return null;
        });
  }

  @Test
  void onlyTheOwnerMayOpenAFileWhileItHasAName() throws Exception {
    try (SharedFile file = SharedFile.create(folder, true)) {
      Path path = folder.resolve(files().get(0));
      assertThat(Files.getPosixFilePermissions(path))
          .isEqualTo(Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE));
      try (SharedFile other = SharedFile.open(file.address()).orElseThrow()) {
        assertThat(other.channel().size()).isEqualTo(SharedFile.HEADER_BYTES);
      }
      assertThat(SharedFile.open("x".repeat(36) + " " + path)).isEmpty();
    }
    assertThat(files()).isEmpty();
  }

  @Test
  void whatADeadProcessLeftGoesWithTheNextFile() throws Exception {
    ProcessId own = ProcessId.own();
    String format = "mpipool-%s-%s-%d-%d-" + UUID.randomUUID();
    String boot = Integer.toHexString(own.boot().hashCode());
    String dead = format.formatted(boot, own.namespace(), own.pid(), own.start() + 1);
    String living = format.formatted(boot, own.namespace(), own.pid(), own.start());
    String elsewhere = format.formatted("0", own.namespace(), own.pid(), own.start() + 1);
    String users = "mpipool-%s-%s-%d-1-notes".formatted(boot, own.namespace(), own.pid());
    String endless = format.replace("%d", "9".repeat(30)).formatted(boot, own.namespace());
    List<String> kept =
        List.of(living, elsewhere, users, endless, "mpipool-device-1a", "mpipool-other");
    Files.createFile(folder.resolve(dead));
    for (String name : kept) {
      Files.createFile(folder.resolve(name));
    }
    SharedFile.create(folder, false).close();
    assertThat(files()).containsExactlyInAnyOrderElementsOf(kept);

    Files.createSymbolicLink(folder.resolve(dead), folder.resolve("mpipool-other"));
    SharedFile.create(folder, false).close();
    assertThat(files()).hasSize(kept.size() + 1).contains(dead, "mpipool-other");
  }

  @Test
  void aLinkInPlaceOfAFileIsNotOpened() throws Exception {
    SharedFile made = SharedFile.create(folder, true);
    Path file = Path.of(made.address().substring(SharedFile.MARK_BYTES + 1));
    Path moved = Files.move(file, folder.resolve("moved"));
    Files.createSymbolicLink(file, moved);
    assertThat(SharedFile.open(made.address())).isEmpty();
    made.close();
  }

  @Test
  void memoryIsFreeWhenTheLastRankHasClosed() throws Exception {
    assumeRoomInMemory(256L << 20);
    long megabytes = 64;
    List<Long> free =
        Ranks.onAll(
            2,
            own -> {
              long before = Files.getFileStore(Path.of("/dev/shm")).getUsableSpace();
              own.barrier();
              SharedBytes shared = MPIShared.bytes(own, megabytes << 20);
              own.barrier();
              long open = Files.getFileStore(Path.of("/dev/shm")).getUsableSpace();
              own.barrier();
              shared.close();
              own.barrier();
              long closed = Files.getFileStore(Path.of("/dev/shm")).getUsableSpace();
              return Math.min(before - open, closed - open);
            });
    assertThat(Objects.requireNonNull(free.get(0))).isGreaterThan((megabytes - 8) << 20);
  }

  @Test
  void memoryIsFreeWhenTheLastSurvivorHasClosed() throws Exception {
    assumeRoomInMemory(256L << 20);
    MortalRanks mortal = new MortalRanks(3, true);
    List<SharedBytes> open = Ranks.onAll(mortal.ranks, own -> MPIShared.bytes(own, 64L << 20));
    mortal.kill(1);
    open.get(0).close();
    long before = Files.getFileStore(Path.of("/dev/shm")).getUsableSpace();
    open.get(2).close();
    long closed = Files.getFileStore(Path.of("/dev/shm")).getUsableSpace();
    assertThat(closed - before).isGreaterThan(56L << 20);
  }

  @Test
  void anArrayForWhichThereIsNoRoomIsAnErrorOnAllRanks() throws Exception {
    assertThat(
            failures(LocalCommunicator.create(3), own -> MPIShared.bytes(own, Long.MAX_VALUE / 16)))
        .hasSize(3)
        .allSatisfy(
            e ->
                assertThat(e)
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("no room"));
  }

  @Test
  void moreThanTwoToTheThirtyOneElements() throws Exception {
    assumeRoomInMemory(6L << 30);
    long count = (1L << 31) + 10;
    Ranks.onAll(
        2,
        own -> {
          try (SharedBytes shared = MPIShared.bytes(own, count)) {
            byte[] values = {1, 2, 3, 4, 5};
            shared.set(own.rank() == 0 ? values : null, at(count - 5), 0);
            shared.set(own.rank() == 1 ? values : null, at((1L << 30) - 2), 1);
            assertThat(shared.get(count - 1)).isEqualTo((byte) 5);
            assertThat(shared.block(at((1L << 30) - 2), 5)).isEqualTo(values);
            assertThat(
                    shared
                        .view(count - Integer.MAX_VALUE, Integer.MAX_VALUE)
                        .get(Integer.MAX_VALUE - 1))
                .isEqualTo((byte) 5);
            assertThatIllegalStateException().isThrownBy(shared::view);
            own.barrier();
          }
          return null;
        });
  }

  private static void assumeRoomInMemory(long bytes) throws IOException {
    Path memory = Path.of("/dev/shm");
    assumeTrue(Files.isDirectory(memory), "needs /dev/shm");
    assumeTrue(
        Files.getFileStore(memory).getUsableSpace() > bytes,
        () -> "needs %,d bytes free in /dev/shm".formatted(bytes));
  }
}
