package dev.mpipool.ranks.programs;

import dev.mpipool.MPIExecutor;
import dev.mpipool.MPIRuntime;
import dev.mpipool.comm.Communicator;
import dev.mpipool.pool.Pools;
import dev.mpipool.queue.LocalScheduler;
import dev.mpipool.queue.QueuePool;
import dev.mpipool.shared.MPILock;
import dev.mpipool.shared.MPIShared;
import dev.mpipool.tasker.Tasker;
import java.nio.file.Path;
import java.util.List;

/** Asks for the ranks of the job in the way that its argument names, and prints what it got. */
public final class Asks {

  private Asks() {}

  public static void main(String[] args) throws Exception {
    Object got =
        switch (args[args.length - 1]) {
          case "run" -> {
            MPIExecutor.run(
                args,
                (executor, own) -> System.out.println("run " + executor.submit(() -> 1).get()));
            yield "ran";
          }
          case "executor" -> new MPIExecutor().size();
          case "init" -> List.of(MPIRuntime.init(args));
          case "world" -> Communicator.world().size();
          case "choose" -> Pools.choose(args);
          case "tasker" -> new Tasker().size();
          case "shared" -> MPIShared.doubles(Communicator.world(), 1);
          case "lock" -> new MPILock(Communicator.world());
          case "queue" ->
              new QueuePool(new LocalScheduler(2))
                  .map(x -> x + Communicator.world().size(), List.of(1, 2));
          case "resume" -> QueuePool.resume(Path.of("nowhere"));
          default -> throw new IllegalArgumentException(args[args.length - 1]);
        };
    System.out.println("got " + got);
  }
}
