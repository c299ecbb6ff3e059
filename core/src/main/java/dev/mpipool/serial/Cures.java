package dev.mpipool.serial;

import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;

/** What a message about a value that cannot travel says to do. */
public final class Cures {

  /**
   * What stands for something of this process, of which a copy elsewhere would be wrong: the agent
   * makes no such class serializable.
   */
  private static final List<Class<?>> OF_THIS_PROCESS =
      List.of(
          AutoCloseable.class,
          CompletionStage.class,
          Condition.class,
          Executor.class,
          Future.class,
          Lock.class,
          ReadWriteLock.class,
          Thread.class);

  private Cures() {}

  /** For a task that is not serializable and may be a lambda. */
  public static String ofPlainLambda() {
    return "If it is a lambda, submit it through a variable of type MPIExecutor, not"
        + " ExecutorService, or cast it: (Callable<T> & Serializable) () -> ... Or have all lambdas"
        + " of the program made serializable: by bin/mpjrun.sh -any-lambda, by java"
        + " -javaagent:mpipool-agent.jar, or in its class files by java -jar mpipool-agent.jar"
        + " weave FOLDER.";
  }

  /** For a task that is not serializable and no lambda. */
  public static String ofOtherTask() {
    return "Let its class implement Serializable; if a library has put it around your task, pass"
        + " your task to a method of MPIExecutor, past the library.";
  }

  /**
   * For a class that is not serializable.
   *
   * @param loader finds the class
   * @return a sentence, after a stop; empty if there is nothing to say
   */
  static String of(String className, ClassLoader loader) {
    if (className.equals("dev.mpipool.MPIExecutor")) {
      return ". A task cannot submit to its own pool: return from it what is to be done next, and"
          + " submit that on main";
    }
    boolean isJdks = className.startsWith("java.") || className.startsWith("jdk.");
    if (className.contains("$$Lambda")) {
      return isJdks
          ? ". The JDK has made this lambda: write it out, as x -> g.apply(f.apply(x)) for"
              + " f.andThen(g)"
          : ". bin/mpjrun.sh -any-lambda makes plain lambdas serializable";
    }
    if (isJdks || isOfThisProcess(className, loader)) {
      return "";
    }
    return ". Let it implement Serializable, or have bin/mpjrun.sh -any-lambda -Dmpipool.capture="
        + className.replaceFirst("\\$.*", "")
        + " do that: copies of the object will travel";
  }

  private static boolean isOfThisProcess(String className, ClassLoader loader) {
    try {
      Class<?> type = Class.forName(className, false, loader);
      return OF_THIS_PROCESS.stream().anyMatch(each -> each.isAssignableFrom(type));
    } catch (ClassNotFoundException | LinkageError e) {
      return true;
    }
  }

  /** For a class whose lambdas one rank can take apart, and this rank cannot make. */
  static String ofOtherRank(String className) {
    return ("the lambdas of class %s are serializable where the task comes from, and not on this"
            + " rank: start all ranks with the agent, or none, and from the same class files")
        .formatted(className);
  }

  /** The same, if that is why a value could not be read; null if it is not. */
  static String ofOtherRank(Throwable thrown) {
    for (Throwable e = thrown; e != null; e = e.getCause()) {
      String method = String.valueOf(e.getMessage());
      int end = method.indexOf("." + LambdaCode.MAKER);
      if (e instanceof NoSuchMethodException && end > 0) {
        return ofOtherRank(method.substring(0, end));
      }
    }
    return null;
  }
}
