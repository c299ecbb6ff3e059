package dev.mpipool.benchmarks.lambdas;

import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;

/** An agent that looks at each class and changes none: what the JVM itself takes for any agent. */
public final class EmptyAgent {

  private EmptyAgent() {}

  /**
   * Called by the JVM.
   *
   * @param options not used
   * @param instrumentation gets a transformer
   */
  public static void premain(String options, Instrumentation instrumentation) {
    instrumentation.addTransformer(
        new ClassFileTransformer() {
          @Override
          public byte[] transform(
              ClassLoader loader,
              String name,
              Class<?> redefined,
              ProtectionDomain domain,
              byte[] bytes) {
            return null;
          }
        });
  }
}
