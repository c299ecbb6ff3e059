package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.serial.ItemFunction;
import dev.mpipool.serial.TaskCall;
import dev.mpipool.worker.TaskContext;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** The forms in which the several kinds of tasks travel. */
final class Calls {

  private static final int CALLABLE = 0;
  private static final int RUNNABLE = 1;
  private static final int FUNCTION = 2;
  private static final int BI_FUNCTION = 3;
  private static final int TRI_FUNCTION = 4;
  private static final int GROUP = 5;

  private static final int SUPPLIER = 6;
  private static final int JDKS_FUNCTION = 7;
  private static final int JDKS_BI_FUNCTION = 8;
  private static final int CONSUMER = 9;
  private static final int BI_CONSUMER = 10;

  private Calls() {}

  /** Calls code of one of the shapes: what the worker's side knows of the face. */
  @SuppressWarnings("unchecked") // the arguments were written together with the code
  static Object call(int shape, Object code, Object a, Object b, Object c) throws Exception {
    return switch (shape) {
      case CALLABLE -> ((Callable<?>) code).call();
      case RUNNABLE -> new OfRunnable((Runnable) code).call();
      case FUNCTION -> ((SerializableFunction<Object, ?>) code).apply(a);
      case BI_FUNCTION -> ((SerializableBiFunction<Object, Object, ?>) code).apply(a, b);
      case TRI_FUNCTION ->
          ((SerializableTriFunction<Object, Object, Object, ?>) code).apply(a, b, c);
      case GROUP -> new OfGroup((SerializableFunction<Communicator, ?>) code).call();
      case SUPPLIER -> ((Supplier<?>) code).get();
      case JDKS_FUNCTION -> ((Function<Object, ?>) code).apply(a);
      case JDKS_BI_FUNCTION -> ((BiFunction<Object, Object, ?>) code).apply(a, b);
      case CONSUMER -> {
        ((Consumer<Object>) code).accept(a);
        yield null;
      }
      case BI_CONSUMER -> {
        ((BiConsumer<Object, Object>) code).accept(a, b);
        yield null;
      }
      default -> throw new IllegalStateException("A task of the unknown shape " + shape);
    };
  }

  record OfCallable(Callable<?> code) implements TaskCall {
    @Override
    public int shape() {
      return CALLABLE;
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

  record OfRunnable(Runnable code) implements TaskCall {
    @Override
    public int shape() {
      return RUNNABLE;
    }

    @Override
    public List<Object> arguments() {
      return List.of();
    }

    @Override
    public Object call() throws Exception {
      if (code instanceof SerializableRunnable checked) {
        checked.runChecked();
      } else {
        code.run();
      }
      return null;
    }
  }

  record OfFunction<A>(SerializableFunction<? super A, ?> code, A a) implements TaskCall {
    @Override
    public int shape() {
      return FUNCTION;
    }

    @Override
    public List<Object> arguments() {
      return Arrays.asList(a);
    }

    @Override
    public Object call() throws Exception {
      return code.apply(a);
    }
  }

  record OfBiFunction<A, B>(SerializableBiFunction<? super A, ? super B, ?> code, A a, B b)
      implements TaskCall {
    @Override
    public int shape() {
      return BI_FUNCTION;
    }

    @Override
    public List<Object> arguments() {
      return Arrays.asList(a, b);
    }

    @Override
    public Object call() throws Exception {
      return code.apply(a, b);
    }
  }

  record OfTriFunction<A, B, C>(
      SerializableTriFunction<? super A, ? super B, ? super C, ?> code, A a, B b, C c)
      implements TaskCall {
    @Override
    public int shape() {
      return TRI_FUNCTION;
    }

    @Override
    public List<Object> arguments() {
      return Arrays.asList(a, b, c);
    }

    @Override
    public Object call() throws Exception {
      return code.apply(a, b, c);
    }
  }

  /** A task of a group; runs on the communicator of its members. */
  record OfGroup(SerializableFunction<? super Communicator, ?> code) implements TaskCall {
    @Override
    public int shape() {
      return GROUP;
    }

    @Override
    public List<Object> arguments() {
      return List.of();
    }

    @Override
    public Object call() throws Exception {
      return code.apply(
          TaskContext.group()
              .orElseThrow(
                  () -> new IllegalStateException("This task runs in a group of workers only")));
    }
  }

  /** A call of one of the JDK's own functional interfaces. */
  record OfJdks(int shape, Object code, Object a, Object b) implements TaskCall {

    private static final Map<Class<?>, Integer> SHAPES =
        Map.of(
            Runnable.class, RUNNABLE,
            Supplier.class, SUPPLIER,
            Function.class, JDKS_FUNCTION,
            BiFunction.class, JDKS_BI_FUNCTION,
            Consumer.class, CONSUMER,
            BiConsumer.class, BI_CONSUMER);

    /** Whether an interface is one of these. */
    static boolean areOf(Class<?> type) {
      return SHAPES.containsKey(type);
    }

    /** A call of what implements an interface; arguments that this does not take are dropped. */
    static OfJdks of(Class<?> type, Object code, Object a, Object b) {
      int shape = SHAPES.get(type);
      int taken = taken(shape);
      return new OfJdks(shape, code, taken > 0 ? a : null, taken > 1 ? b : null);
    }

    private static int taken(int shape) {
      return switch (shape) {
        case JDKS_BI_FUNCTION, BI_CONSUMER -> 2;
        case JDKS_FUNCTION, CONSUMER -> 1;
        default -> 0;
      };
    }

    @Override
    public List<Object> arguments() {
      return Arrays.asList(a, b).subList(0, taken(shape));
    }

    @Override
    public Object call() throws Exception {
      return Calls.call(shape, code, a, b, null);
    }
  }

  record EachOfOne<A>(SerializableFunction<? super A, ?> code) implements ItemFunction {
    @Override
    public int arity() {
      return 1;
    }

    @Override
    @SuppressWarnings("unchecked") // the arguments come from the iterables of the same types
    public Object call(Object a, Object b, Object c) throws Exception {
      return code.apply((A) a);
    }
  }

  record EachOfTwo<A, B>(SerializableBiFunction<? super A, ? super B, ?> code)
      implements ItemFunction {
    @Override
    public int arity() {
      return 2;
    }

    @Override
    @SuppressWarnings("unchecked") // the arguments come from the iterables of the same types
    public Object call(Object a, Object b, Object c) throws Exception {
      return code.apply((A) a, (B) b);
    }
  }

  record EachOfThree<A, B, C>(SerializableTriFunction<? super A, ? super B, ? super C, ?> code)
      implements ItemFunction {
    @Override
    public int arity() {
      return 3;
    }

    @Override
    @SuppressWarnings("unchecked") // the arguments come from the iterables of the same types
    public Object call(Object a, Object b, Object c) throws Exception {
      return code.apply((A) a, (B) b, (C) c);
    }
  }
}
