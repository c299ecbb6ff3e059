package dev.mpipool.device;

import java.lang.reflect.Method;
import mpi.MPI;

/**
 * A rank's program that runs one static method, named by its arguments, and prints "fine" at its
 * end.
 */
public final class ScenarioMain {

  private ScenarioMain() {}

  /**
   * Initializes MPI before the class with the method, which may use it in its constants, is loaded.
   *
   * @param args what the launcher gives, the class, and the method
   * @throws Exception if MPI.Finalize fails
   */
  public static void main(String[] args) throws Exception {
    String[] own = MPI.Init(args);
    try {
      Method scenario = Class.forName(own[0]).getDeclaredMethod(own[1]);
      scenario.setAccessible(true);
      scenario.invoke(null);
    } catch (ReflectiveOperationException | ExceptionInInitializerError e) {
      e.printStackTrace();
      Runtime.getRuntime().halt(3);
    }
    MPI.Finalize();
    System.out.println("fine");
  }
}
