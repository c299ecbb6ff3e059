package dev.mpipool.agent;

import java.util.ArrayList;
import java.util.List;

/** Packages and classes that the user names, in a system property, separated by commas. */
final class Names {
  private final List<String> names = new ArrayList<>();

  /**
   * Reads names.
   *
   * @param text such as {@code com.acme.model,com.acme.Service}; may be null
   */
  Names(String text) {
    for (String name : text == null ? new String[0] : text.split(",")) {
      String trimmed = name.strip().replaceFirst("\\.\\*$", "");
      if (!trimmed.isEmpty()) {
        names.add(trimmed.replace('.', '/'));
      }
    }
  }

  boolean isEmpty() {
    return names.isEmpty();
  }

  /**
   * Whether a class is among them: it is named, or a class or package around it.
   *
   * @param className with slashes
   */
  boolean contain(String className) {
    for (String name : names) {
      if (className.startsWith(name)
          && (className.length() == name.length()
              || className.charAt(name.length()) == '/'
              || className.charAt(name.length()) == '$')) {
        return true;
      }
    }
    return false;
  }
}
