package dev.mpipool.benchmarks.executor;

import dev.mpipool.serial.TaskCall;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * A task without arguments, as the executor would send it.
 *
 * @param code what is called
 */
public record Call(Callable<?> code) implements TaskCall {
  @Override
  public int shape() {
    return 0;
  }

  @Override
  public List<Object> arguments() {
    return List.of();
  }

  @Override
  public Object call() throws Exception {
    return code.call();
  }
}
