package dev.mpipool.serial;

import dev.mpipool.TaskSerializationException;
import java.io.Serializable;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.Method;
import java.util.Objects;
import org.apache.commons.lang3.StringUtils;

/** What to call a task in messages for people. */
public final class TaskName {

  private TaskName() {}

  /**
   * The name of a task's code: for a lambda the method it stands in or refers to, else its class.
   *
   * @param task any object, or null
   * @return for example {@code lambda in Main.main}, {@code Integer.parseInt} or {@code Main$Job}
   */
  public static String of(Object task) {
    if (task == null) {
      return "null";
    }
    Class<?> type = task.getClass();
    if (task instanceof Serializable && type.isHidden()) {
      try {
        Method method = type.getDeclaredMethod("writeReplace");
        if (method.trySetAccessible() && method.invoke(task) instanceof SerializedLambda lambda) {
          return name(lambda);
        }
      } catch (ReflectiveOperationException e) {
        // no lambda that javac made; its class has to do
      }
    }
    return type.isHidden()
        ? "lambda in " + type.getName().replaceFirst("\\$\\$Lambda.*", "")
        : type.getName();
  }

  /**
   * The exception for a task that could not be encoded.
   *
   * @param task the user's own object
   * @param cause what its encoding has thrown
   * @return an exception that names the task
   */
  public static TaskSerializationException cannotTravel(Object task, Throwable cause) {
    return cannotTravel(
        task, Objects.requireNonNullElse(cause.getMessage(), cause.toString()), cause);
  }

  /**
   * The exception for a task that cannot travel.
   *
   * @param task the user's own object
   * @param why follows a colon
   * @param cause null if there is none
   * @return an exception that names the task
   */
  public static TaskSerializationException cannotTravel(Object task, String why, Throwable cause) {
    return new TaskSerializationException(
        "The task %s cannot travel to a worker: %s".formatted(of(task), why), cause);
  }

  private static String name(SerializedLambda lambda) {
    String owner = lambda.getImplClass().replace('/', '.');
    String method = lambda.getImplMethodName();
    if (method.startsWith("lambda$")) {
      return "lambda in %s.%s".formatted(owner, StringUtils.substringBetween(method, "$"));
    }
    int ofKotlin = method.indexOf("$lambda$"); // behind the name of the method
    if (ofKotlin > 0) {
      return "lambda in %s.%s".formatted(owner, method.substring(0, ofKotlin));
    }
    return owner + "." + method;
  }
}
