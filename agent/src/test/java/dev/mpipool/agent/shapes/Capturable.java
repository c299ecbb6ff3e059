package dev.mpipool.agent.shapes;

import java.util.concurrent.Executor;
import java.util.function.Supplier;

/** Objects of several kinds that lambdas capture; none of the classes is Serializable. */
public final class Capturable {
  private Capturable() {}

  static Supplier<String> service() {
    return new Service().task();
  }

  static Supplier<String> subclass() {
    return new Special().task();
  }

  static Supplier<String> anonymous() {
    return new Service() {
      @Override
      String text() {
        return "anonymous " + super.text();
      }
    }.task();
  }

  static Supplier<String> ofOtherSuperclass() {
    return new OnThread()::getName;
  }

  static Supplier<String> ofClosedRecord() {
    return new Closed(1)::toString;
  }

  static Supplier<String> ofExecutor() {
    return new InPlace()::toString;
  }

  static class Service {
    private final int factor = Integer.parseInt("6");
    private final Helper helper = new Helper();

    Supplier<String> task() {
      return () -> text();
    }

    String text() {
      return "service " + helper.timesSeven(factor);
    }
  }

  static class Special extends Service {
    private final String more = "special ".trim();

    @Override
    String text() {
      return more + " " + super.text();
    }
  }

  static class Helper {
    int timesSeven(int factor) {
      return factor * 7;
    }
  }

  static class OnThread extends Thread {}

  record Closed(int number) implements AutoCloseable {
    @Override
    public void close() {}
  }

  interface NamedExecutor extends Executor {}

  static class InPlace implements NamedExecutor {
    @Override
    public void execute(Runnable command) {
      command.run();
    }
  }
}
