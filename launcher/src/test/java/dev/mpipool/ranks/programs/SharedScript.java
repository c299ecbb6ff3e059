package dev.mpipool.ranks.programs;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.comm.CommunicatorException;
import dev.mpipool.comm.Message;
import dev.mpipool.comm.MessageChannel;
import dev.mpipool.comm.MessageChannels;
import dev.mpipool.shared.MPIBatch;
import dev.mpipool.shared.MPILock;
import dev.mpipool.shared.MPIShared;
import dev.mpipool.shared.SharedDoubles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/** Programs in which all ranks take part, each named by the first of the last arguments. */
public final class SharedScript {

  private static final long LONGEST_NANOS = 40_000_000_000L;

  private SharedScript() {}

  public static void main(String[] args) throws Exception {
    String[] own = MPIRuntime.init(args);
    Communicator world = Communicator.world();
    switch (own[0]) {
      case "turns" -> turns(world, Path.of(own[1]), Integer.parseInt(own[2]));
      case "owners" -> owners(world);
      case "keeper" -> keeper(world);
      case "array" -> array(world);
      case "survivors" -> survivors(world);
      case "direct" -> direct(world);
      case "batch" -> batch(world, Path.of(own[1]), Integer.parseInt(own[2]));
      default -> throw new IllegalArgumentException(own[0]);
    }
    MPIRuntime.finish();
  }

  /**
   * Every rank takes the lock so many times. What it protects is a plain counter in a file that all
   * have mapped, and the list of those who had it:
   *
   * <pre> | counter (int) | rank (byte) for each turn ... | </pre>
   *
   * Prints how many turns the slowest has had when the first has had all. The keeper, rank 0, needs
   * no messages and may be through earlier.
   */
  private static void turns(Communicator world, Path file, int rounds) throws IOException {
    int turns = rounds * world.size();
    try (MPILock lock = new MPILock(world);
        FileChannel channel =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_WRITE, 0, Integer.BYTES + turns);
      world.barrier();
      for (int other = 1; world.rank() == 0 && other < world.size(); other++) {
        world.receive(other, 1); // without messages, the keeper would be through in no time
      }
      for (int i = 0; i < rounds; i++) {
        lock.lock();
        try {
          int turn = map.getInt(0);
          map.put(Integer.BYTES + turn, (byte) world.rank());
          map.putInt(0, turn + 1);
        } finally {
          lock.unlock();
        }
        if (world.rank() > 0 && i == 0) {
          world.send(0, 1, ByteBuffer.allocate(0));
        }
      }
      world.barrier();
      if (world.rank() == 0) {
        System.out.printf("%d of %d turns%n", map.getInt(0), turns);
        int[] had = new int[world.size()];
        int at = Integer.BYTES;
        while (IntStream.of(had).skip(1).max().orElseThrow() < rounds) {
          had[map.get(at++)]++;
        }
        System.out.println("fewest " + IntStream.of(had).min().orElseThrow());
      }
    }
  }

  /** Rank 0 keeps a lock and a batch, closes both and leaves; the others go on with them. */
  private static void keeper(Communicator world) throws InterruptedException {
    MPIBatch batch = new MPIBatch(world, 1, world.size() - 1);
    Thread closing = new Thread(batch::close, "closing");
    try (MPILock lock = new MPILock(world)) {
      if (world.rank() > 0) {
        int task = batch.nextTask().orElseThrow();
        world.receive(0, 1);
        batch.setState(task, MPIBatch.State.DONE);
        for (int i = 0; i < 2_000; i++) {
          lock.hold().close();
        }
        System.out.println("through");
      }
      closing.start();
    }
    closing.join();
    for (int other = 1; world.rank() == 0 && other < world.size(); other++) {
      world.send(other, 1, ByteBuffer.allocate(0));
    }
  }

  /** Ranks 1 to 4 have a lock, kept by rank 1; 4 is killed with it, and then 1. */
  private static void owners(Communicator world) {
    Communicator part = world.split(world.rank() == 0 ? 0 : 1, world.rank());
    if (world.rank() == 0) {
      say(world.receive(2, 1));
      say(world.receive(3, 1));
      return;
    }
    MPILock lock = new MPILock(part);
    int rank = world.rank();
    if (rank == 4) {
      lock.lock();
    }
    part.barrier();
    if (rank == 4) {
      System.out.println("4 has it");
      awaitKill();
    }
    StringBuilder told = new StringBuilder("rank " + rank + ":");
    if (rank == 1) {
      try (MPILock.Held held = lock.hold()) {
        System.out.println("1 has it, owner died: " + held.ownerDied());
        awaitKill();
      }
    }
    for (int i = 0; i < 2; i++) {
      try (MPILock.Held held = lock.hold()) {
        told.append(' ').append(held.ownerDied());
      }
    }
    world.send(0, 1, ByteBuffer.wrap(told.toString().getBytes(UTF_8)));
    lock.close();
  }

  private static void say(Message message) {
    System.out.println(UTF_8.decode(message.data()));
  }

  private static void awaitKill() {
    long end = System.nanoTime() + LONGEST_NANOS;
    while (System.nanoTime() < end) {
      LockSupport.parkNanos(end - System.nanoTime());
    }
    throw new IllegalStateException("nobody killed this process");
  }

  /** All ranks have an array open when they are killed. */
  @SuppressWarnings("resource") // what is to be tested
  private static void array(Communicator world) {
    SharedDoubles kept = MPIShared.doubles(world, 100_000);
    kept.set(world.rank() == 0 ? new double[] {1, 2, 3} : null, MPIShared.at(5), 0);
    System.out.println("open " + kept.get(7));
    awaitKill();
  }

  /**
   * Rank 1 dies as soon as it sees a block come in that it passes on; all survivors try again, read
   * and close.
   */
  private static void survivors(Communicator world) {
    int count = 16 << 20;
    SharedDoubles array = MPIShared.doubles(world, count + 1);
    array.set(world.rank() == 2 ? new double[] {3} : null, MPIShared.at(count), 2);
    world.barrier();
    if (world.rank() == 1) {
      DoubleBuffer view = array.view(0, count);
      String pid = Long.toString(ProcessHandle.current().pid());
      Thread killer =
          new Thread(
              () -> {
                while (view.get(0) == 0) {
                  Thread.onSpinWait();
                }
                try {
                  new ProcessBuilder("kill", "-9", pid).start();
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      killer.setDaemon(true);
      killer.start();
    }
    double[] block = new double[world.rank() == 0 ? count : 0];
    Arrays.fill(block, 1);
    StringBuilder told = new StringBuilder("rank " + world.rank());
    for (int i = 0; i < 2; i++) {
      try {
        array.set(block, MPIShared.at(0), 0);
        told.append(" was wrong");
      } catch (CommunicatorException e) {
        told.append(" failed");
      }
    }
    told.append(" reads ").append(array.get(count));
    array.close();
    System.out.println(told);
  }

  /** Messages into places: longer and shorter than the device's limit, and than their place. */
  private static void direct(Communicator world) {
    MessageChannel channel = MessageChannels.of(world);
    int[] lengths = {0, 1, 1000, 128 << 10, (128 << 10) + 1, 3_000_001};
    boolean right = true;
    for (int length : lengths) {
      for (boolean direct : new boolean[] {false, true}) {
        int room = length + 17;
        ByteBuffer bytes = direct ? ByteBuffer.allocateDirect(room) : ByteBuffer.allocate(room);
        bytes.position(5);
        if (world.rank() == 0) {
          for (int i = 0; i < length; i++) {
            bytes.put(5 + i, (byte) (i * 31 + length));
          }
          world.receive(1, 1); // so that the receive is there first, mostly
          channel.sendDirect(1, 7, bytes.slice(5, length));
          world.send(1, 7, ByteBuffer.allocate(2)); // another kind of message
        } else {
          world.send(0, 1, ByteBuffer.allocate(0));
          right &= channel.receiveDirect(0, 7, bytes) == length && bytes.position() == 5;
          for (int i = 0; i < length; i++) {
            right &= bytes.get(5 + i) == (byte) (i * 31 + length);
          }
          right &= bytes.get(5 + length) == 0;
          right &= world.receive(0, 7).data().remaining() == 2;
        }
      }
    }
    if (world.rank() == 1) {
      System.out.println("right: " + right + ", direct: " + channel.isDirect());
    }
  }

  /** Works on tasks once the test says go; each task notes who began and who ended it. */
  private static void batch(Communicator world, Path folder, int tasks)
      throws IOException, InterruptedException {
    List<String> names = IntStream.range(0, tasks).mapToObj("task-%03d"::formatted).toList();
    Path go = folder.resolve("go");
    try (MPIBatch batch =
        MPIBatch.builder(world, 1, tasks).folder(folder.resolve("tasks"), names).open()) {
      world.barrier();
      if (world.rank() == 0) {
        System.out.println("ready");
      }
      long end = System.nanoTime() + LONGEST_NANOS;
      while (!Files.exists(go) && System.nanoTime() < end) {
        Thread.sleep(5);
      }
      int done = 0;
      for (OptionalInt next = batch.nextTask(); next.isPresent(); next = batch.nextTask()) {
        note(batch.folder(next.getAsInt()), "began");
        Thread.sleep(30); // the work
        note(batch.folder(next.getAsInt()), "ended");
        batch.setState(next.getAsInt(), MPIBatch.State.DONE);
        System.out.println("did " + next.getAsInt());
        done++;
      }
      System.out.println("in all " + done);
    }
  }

  private static void note(Path folder, String what) throws IOException {
    Files.write(
        folder.resolve("notes"),
        List.of(what + " " + ProcessHandle.current().pid()),
        UTF_8,
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }
}
