package dev.mpipool;

import dev.mpipool.dispatch.TaskFuture;
import dev.mpipool.serial.TaskCall;
import dev.mpipool.serial.TaskName;
import java.lang.reflect.Field;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.commons.lang3.exception.ExceptionUtils;

/**
 * A task of {@link CompletableFuture}'s own asynchronous methods, {@code supplyAsync}, {@code
 * thenApplyAsync} and so on: a function, and the future that its result is for. Only the function
 * travels, with its arguments. The JDK's code completes the future here: it calls another function,
 * put in place of the first, which has the outcome.
 *
 * <p>That reads and writes fields of the JDK's classes, whose package has to be opened; mpipool's
 * agent does so.
 */
final class AsyncStage {

  private static final String DELAYING = CompletableFuture.class.getName() + "$TaskSubmitter";

  private static final String CLOSED =
      "CompletableFuture's own async methods hold a future of this process."
          + " Call executor.submit(...), which returns a CompletableFuture. Or start with"
          + " bin/mpjrun.sh -any-lambda, or java --add-opens"
          + " java.base/java.util.concurrent=ALL-UNNAMED: then they work.";

  private static final String COMPOSING =
      "its function returns a future, which belongs to this process."
          + " Call thenCompose or exceptionallyCompose without Async, which run it here.";

  /** Of classes of the JDK, whose package is open. */
  private static final Map<Class<?>, Fields> FIELDS = new ConcurrentHashMap<>();

  private final Runnable task;
  private final Fields fields;
  private final Object function;
  private final CompletableFuture<?> future;

  private AsyncStage(Runnable task, Fields fields) {
    this.task = task;
    this.fields = fields;
    this.function = Fields.get(fields.function(), task);
    this.future = (CompletableFuture<?>) Fields.get(fields.future(), task);
  }

  /**
   * Has a worker call a task's function.
   *
   * @throws RejectedExecutionException if it cannot be sent, or the pool is shut down
   */
  static void execute(Runnable task, PoolOnMain pool) {
    Fields fields = Fields.of(task);
    if (fields == null) {
      throw rejected(TaskName.cannotTravel(task, CLOSED, null));
    }
    if (task.getClass().getSimpleName().contains("Compose")) {
      throw rejected(TaskName.cannotTravel(task, COMPOSING, null));
    }
    AsyncStage stage = new AsyncStage(task, fields);
    TaskCall call = stage.call();
    if (call == null) {
      task.run(); // completes the future without calling the function
      return;
    }
    TaskFuture<Object> remote = TaskFuture.of(pool.dispatcher(), call, call.code());
    pool.submit(remote)
        .ifPresent(
            failure -> {
              throw rejected(failure);
            });
    stage.follow(remote);
  }

  private static RejectedExecutionException rejected(TaskSerializationException failure) {
    return new RejectedExecutionException(failure.getMessage(), failure);
  }

  /**
   * Says that a task is refused, if what {@code execute} throws is lost: the JDK's delayed executor
   * calls it in a thread of its own.
   */
  static void refused(Runnable task, RejectedExecutionException failure) {
    boolean isLost =
        StackWalker.getInstance()
            .walk(frames -> frames.anyMatch(frame -> frame.getClassName().equals(DELAYING)));
    if (!isLost) {
      return;
    }
    Fields fields = isStage(task) ? Fields.of(task) : null;
    if (fields == null) {
      System.err.println("mpipool: a delayed task is lost: " + failure.getMessage());
    } else {
      new AsyncStage(task, fields).end(null, failure);
    }
  }

  static boolean isStage(Runnable task) {
    return task instanceof CompletableFuture.AsynchronousCompletionTask;
  }

  /** The call of the function; null if the JDK's code does not call it. */
  private TaskCall call() {
    if (function == null || future == null || Fields.isDone(future)) {
      return null;
    }
    if (fields.first() == null) {
      return call(null, null);
    }
    Outcome first = Outcome.of(Fields.get(fields.first(), task));
    Outcome second = fields.second() == null ? null : Outcome.of(Fields.get(fields.second(), task));
    if (first == null) {
      first = second; // the function is called after either
    }
    if (first == null) {
      return null;
    }
    return switch (task.getClass().getSimpleName()) {
      case "UniHandle", "UniWhenComplete" -> call(first.value(), first.failure());
      case "UniExceptionally" -> first.failure() == null ? null : call(first.failure(), null);
      default ->
          first.failure() != null
              ? null
              : call(first.value(), second == null ? null : second.value());
    };
  }

  private TaskCall call(Object a, Object b) {
    return Calls.OfJdks.of(fields.function().getType(), function, a, b);
  }

  /** Ends each of the two futures with the other. */
  private void follow(CompletableFuture<Object> remote) {
    remote.whenComplete(this::end);
    future.whenComplete((value, failure) -> remote.cancel(failure != null));
  }

  private void end(Object value, Throwable failure) {
    if (failure instanceof CancellationException) {
      cancel();
    }
    // What a task throws that means more to a future comes within a CompletionException.
    Throwable thrown = failure instanceof CompletionException ? failure.getCause() : failure;
    Result outcome =
        () -> thrown == null ? value : ExceptionUtils.<RuntimeException>asRuntimeException(thrown);
    Fields.set(fields.function(), task, replay(fields.function().getType(), outcome));
    task.run();
  }

  private void cancel() {
    try {
      future.cancel(false);
    } catch (UnsupportedOperationException e) {
      // only the JDK completes this stage, and does so with the cancellation
    }
  }

  /** What the function has returned or thrown. */
  @FunctionalInterface
  private interface Result {
    Object get();
  }

  /** A function of a type that returns, or throws, what has come from the worker. */
  private static Object replay(Class<?> type, Result outcome) {
    if (type == Supplier.class) {
      return (Supplier<Object>) outcome::get;
    } else if (type == Function.class) {
      return (Function<Object, Object>) a -> outcome.get();
    } else if (type == BiFunction.class) {
      return (BiFunction<Object, Object, Object>) (a, b) -> outcome.get();
    } else if (type == Consumer.class) {
      return (Consumer<Object>) a -> outcome.get();
    } else if (type == BiConsumer.class) {
      return (BiConsumer<Object, Object>) (a, b) -> outcome.get();
    }
    return (Runnable) outcome::get;
  }

  /** What a stage has ended with. */
  private record Outcome(Object value, Throwable failure) {

    /** Null if a stage has not ended. */
    static Outcome of(Object stage) {
      if (!(stage instanceof CompletableFuture<?> source) || !Fields.isDone(source)) {
        return null;
      }
      Outcome[] outcome = {null};
      source.whenComplete((value, failure) -> outcome[0] = new Outcome(value, failure));
      return outcome[0];
    }
  }

  /**
   * The fields of a class of tasks.
   *
   * @param first whose result the function is called with; null if there is none
   * @param second another; null if there is none
   */
  private record Fields(Field function, Field future, Field first, Field second) {

    private static final Field RESULT = find(CompletableFuture.class, "result");

    /** Null if the task is none of the JDK's, or closed. */
    static Fields of(Runnable task) {
      return FIELDS.computeIfAbsent(task.getClass(), Fields::of);
    }

    private static Fields of(Class<?> type) {
      Field function = find(type, "fn");
      Field future = find(type, "dep");
      boolean isKnown =
          type.getEnclosingClass() == CompletableFuture.class
              && RESULT != null
              && function != null
              && future != null
              && Calls.OfJdks.areOf(function.getType());
      return isKnown ? new Fields(function, future, find(type, "src"), find(type, "snd")) : null;
    }

    private static Field find(Class<?> type, String name) {
      for (Class<?> each = type; each != null; each = each.getSuperclass()) {
        try {
          Field field = each.getDeclaredField(name);
          return field.trySetAccessible() ? field : null;
        } catch (NoSuchFieldException e) {
          // perhaps the superclass has it
        }
      }
      return null;
    }

    /** Also for a stage that does not tell. */
    static boolean isDone(CompletableFuture<?> stage) {
      return get(RESULT, stage) != null;
    }

    static Object get(Field field, Object task) {
      try {
        return field.get(task);
      } catch (IllegalAccessException e) {
        throw new IllegalStateException(e);
      }
    }

    static void set(Field field, Object task, Object value) {
      try {
        field.set(task, value);
      } catch (IllegalAccessException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
