package dev.mpipool;

import dev.mpipool.comm.Communicator;
import dev.mpipool.wire.Envelope;
import dev.mpipool.wire.ItemFunction;
import dev.mpipool.worker.TaskContext;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;

/** The forms in which the several kinds of tasks travel. */
final class Calls {

  private Calls() {}

  record OfCallable(Callable<?> code) implements Envelope {
    @Override
    public List<Object> arguments() {
      return List.of();
    }

    @Override
    public Object call() throws Exception {
      return code.call();
    }
  }

  record OfRunnable(Runnable code) implements Envelope {
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

  record OfFunction<A>(SerializableFunction<? super A, ?> code, A a) implements Envelope {
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
      implements Envelope {
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
      implements Envelope {
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
  record OfGroup(SerializableFunction<? super Communicator, ?> code) implements Envelope {
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
