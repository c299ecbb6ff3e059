package dev.mpipool;

/**
 * What {@link MPIExecutor#run(String[], MainBody)} runs on main, while the other ranks are workers.
 *
 * <p>Example:
 *
 * <pre>{@code
 * MPIExecutor.run(args, (executor, arguments) -> System.out.println(executor.submit(() -> 6 * 7).get()));
 * }</pre>
 */
@FunctionalInterface
public interface MainBody {

  /**
   * The program, as far as it uses the pool.
   *
   * @param executor open; closed when this returns
   * @param arguments the program's own
   * @throws Exception whatever goes wrong; it leaves {@code MPIExecutor.run} as it is
   */
  void run(MPIExecutor executor, String[] arguments) throws Exception;
}
