package dev.mpipool.comm;

/**
 * An MPI that ranks can run on, found by {@link java.util.ServiceLoader}.
 *
 * <p>A provider's class must load where its MPI is absent; it then says false to everything.
 */
public interface CommunicatorProvider {

  /**
   * Whether these are the arguments that this MPI's launcher gives to a rank.
   *
   * @param args the arguments of the program's main
   * @return true if {@link #init} may be called with them
   */
  boolean launchedWith(String[] args);

  /**
   * Takes off what this MPI's launcher added to the arguments, without initializing anything.
   *
   * @param args the arguments of the program's main, {@linkplain #launchedWith launched} by this
   * @return those of them that are meant for the program
   */
  String[] programArguments(String[] args);

  /**
   * Initializes MPI.
   *
   * @param args the arguments of the program's main
   * @return those of them that are meant for the program
   */
  String[] init(String[] args);

  /**
   * Whether MPI has been initialized and not yet ended, by {@link #init} or by the program itself.
   *
   * @return true between the two
   */
  boolean initialized();

  /**
   * The communicator of all ranks.
   *
   * @return the same at every call while MPI is initialized
   */
  Communicator world();

  /**
   * Whether each rank has a process to itself.
   *
   * @return false where ranks are threads
   */
  boolean ranksAreProcesses();

  /** Ends MPI. Must not hang when ranks are dead. */
  void finish();
}
