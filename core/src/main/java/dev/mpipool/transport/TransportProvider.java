package dev.mpipool.transport;

import java.util.Map;
import java.util.Optional;

/**
 * An MPI that ranks can run on, found by {@link java.util.ServiceLoader}. A provider's class must
 * load on every supported JVM, also where its MPI is absent; it then detects nothing.
 */
public interface TransportProvider {

  /**
   * Whether this process is a rank that this provider can join to the others. Has no effects, and
   * starts nothing.
   *
   * @param environment the environment of the process
   * @param arguments of the program's main; empty where they are not known
   * @return what is known of the rank; empty if this provider is not in charge
   */
  Optional<Launch> detect(Map<String, String> environment, String[] arguments);

  /**
   * Takes off what this MPI's launcher added to the arguments.
   *
   * @param arguments of the program's main
   * @return those that are meant for the program
   */
  default String[] programArguments(String[] arguments) {
    return arguments.clone();
  }

  /**
   * Joins this process to the job. Called once, only after {@link #detect} has found a rank.
   *
   * @param launch what {@link #detect} has found
   * @param arguments of the program's main, as given to {@link #detect}
   * @return this rank's end
   * @throws dev.mpipool.comm.CommunicatorException if the rank cannot join the others. The message
   *     names the launcher, the library and the cure, in one line
   */
  Transport open(Launch launch, String[] arguments);

  /**
   * Whether the program itself has initialized this MPI, without this library, and it has not
   * ended.
   *
   * @return false where a program cannot do that
   */
  default boolean begun() {
    return false;
  }

  /** Ends the MPI that the program has initialized. Must not hang when ranks are lost. */
  default void end() {}
}
