package dev.mpipool.agent.shapes;

import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Predicate;

/** Tasks that are refused all the same. */
public final class Refused {
  private Refused() {}

  static Callable<Integer> capturesThis() {
    return new Shop().price(2);
  }

  static Callable<String> composed() {
    Function<String, String> trim = String::trim;
    Function<String, String> both = trim.andThen(String::toUpperCase);
    return () -> both.apply(" a ");
  }

  static Callable<Boolean> negated() {
    Predicate<String> filled = Predicate.not(String::isEmpty);
    return () -> filled.test("a");
  }

  static Callable<Integer> anonymousClass() {
    return new Callable<>() {
      @Override
      public Integer call() {
        return 1;
      }
    };
  }
}
