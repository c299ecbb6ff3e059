package dev.mpipool;

import dev.mpipool.wire.Envelope;
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
}
