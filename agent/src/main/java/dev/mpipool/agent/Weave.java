package dev.mpipool.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The weaver as a command. */
public final class Weave {
  private static final int USAGE = 2;

  private static final String HELP =
      """
      Makes the lambdas and records of compiled classes serializable.

      Usage: java [-Dmpipool.lambdas.packages=..] [-Dmpipool.capture=..] -jar mpipool-agent.jar \
      weave FOLDER|JAR...

      mpipool.lambdas.packages: only the classes of these packages, separated by commas
      mpipool.capture: packages and classes whose objects lambdas may capture, too
      Classes that are woven already stay as they are.
      """;

  private Weave() {}

  /**
   * Weaves, and exits: with 0 if all went well, 1 if something could not be woven, 2 if the
   * arguments are wrong.
   *
   * @param arguments {@code weave}, then folders and jars
   */
  public static void main(String[] arguments) {
    System.exit(run(List.of(arguments)));
  }

  private static int run(List<String> arguments) {
    if (arguments.size() < 2 || !arguments.get(0).equals("weave")) {
      System.err.print(HELP);
      return USAGE;
    }
    List<Path> entries = new ArrayList<>();
    for (String argument : arguments.subList(1, arguments.size())) {
      Path entry = Path.of(argument);
      if (!Files.exists(entry)) {
        System.err.println("weave: there is no " + argument);
        return USAGE;
      }
      entries.add(entry);
    }
    String packages = System.getProperty(ProgramClasses.PACKAGES);
    try (Weaver weaver = new Weaver(packages, System.getProperty(Agent.CAPTURE), entries)) {
      for (Path entry : entries) {
        Weaver.Count count = weaver.weave(entry);
        System.out.println(
            "weave: "
                + entry
                + ": "
                + count.woven()
                + " of "
                + count.all()
                + (count.all() == 1 ? " class" : " classes")
                + " changed");
      }
      return 0;
    } catch (IOException e) {
      System.err.println("weave: " + e.getMessage());
      return 1;
    }
  }
}
