package dev.mpipool.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.shared.MPILock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Ranks append to one file, one at a time. Arguments: the file (default: turns.txt), rounds
 * (default: 3).
 */
public final class TurnTaking {

  private TurnTaking() {}

  public static void main(String[] args) throws IOException {
    String[] own = MPIRuntime.init(args);
    Path file = Path.of(own.length > 0 ? own[0] : "turns.txt");
    int rounds = own.length > 1 ? Integer.parseInt(own[1]) : 3;
    Communicator world = Communicator.world();
    if (world.rank() == 0) {
      Files.deleteIfExists(file);
    }
    world.barrier();
    try (MPILock lock = new MPILock(world)) {
      for (int round = 0; round < rounds; round++) {
        try (MPILock.Held held = lock.hold()) {
          if (held.ownerDied()) {
            System.out.println("A rank died while it had the lock; its last line may be cut off");
          }
          int line = Files.exists(file) ? Files.readAllLines(file).size() : 0;
          Files.write(
              file,
              List.of("line %d by rank %d, round %d".formatted(line, world.rank(), round)),
              UTF_8,
              StandardOpenOption.CREATE,
              StandardOpenOption.APPEND);
        }
      }
    }
    world.barrier();
    if (world.rank() == 0) {
      System.out.printf("%d lines in %s%n", Files.readAllLines(file).size(), file);
    }
    MPIRuntime.finish();
  }
}
