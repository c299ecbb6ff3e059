package dev.mpipool.queue;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.commons.lang3.StringUtils;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;
import org.xml.sax.helpers.DefaultHandler;

/** Reads what {@code qstat -xml} prints. */
final class QstatXml {

  private static final int LONGEST_QUOTE = 300;

  private QstatXml() {}

  /**
   * The jobs of a session.
   *
   * @param xml qstat's answer; a document type in it, and with it any entity, is refused
   * @param session the session asked for; other jobs are passed over
   * @param errorState the letter that marks an error
   * @throws CommandException if this is no answer of qstat
   */
  static List<Job> jobs(String xml, String session, String errorState) throws CommandException {
    NodeList entries = parse(xml).getElementsByTagName("job_list");
    List<Job> jobs = new ArrayList<>();
    for (int i = 0; i < entries.getLength(); i++) {
      Element entry = (Element) entries.item(i);
      OptionalInt chunk = Job.chunkOf(session, text(entry, "JB_name", xml));
      if (chunk.isPresent()) {
        String id = text(entry, "JB_job_number", xml);
        String letters = text(entry, "state", xml);
        boolean running = entry.getAttribute("state").equals("running");
        jobs.add(new Job(id, chunk.getAsInt(), state(letters, errorState, running), letters));
      }
    }
    return jobs;
  }

  private static Job.State state(String letters, String errorState, boolean running) {
    if (letters.contains(errorState)) {
      return Job.State.ERROR;
    }
    return running ? Job.State.RUNNING : Job.State.PENDING;
  }

  private static String text(Element entry, String name, String xml) throws CommandException {
    NodeList found = entry.getElementsByTagName(name);
    if (found.getLength() == 0) {
      throw new CommandException(
          "qstat told of a job without a %s: %s".formatted(name, quote(xml)));
    }
    return found.item(0).getTextContent().strip();
  }

  private static Document parse(String xml) throws CommandException {
    Document document;
    try {
      DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
      factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
      factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
      factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_DTD, "");
      factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "");
      factory.setExpandEntityReferences(false);
      DocumentBuilder builder = factory.newDocumentBuilder();
      builder.setErrorHandler(new DefaultHandler()); // throws; the default one also prints
      document = builder.parse(new InputSource(new StringReader(xml)));
    } catch (SAXParseException e) {
      throw new CommandException(
          "qstat's answer cannot be read: line %d, column %d: %s It begins with: %s"
              .formatted(e.getLineNumber(), e.getColumnNumber(), e.getMessage(), quote(xml)),
          e);
    } catch (SAXException | IOException e) {
      throw new CommandException(
          "qstat's answer cannot be read: %s It begins with: %s"
              .formatted(e.getMessage(), quote(xml)),
          e);
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException("Java's own XML parser cannot be made safe", e);
    }
    if (!document.getDocumentElement().getTagName().equals("job_info")) {
      throw new CommandException(
          "qstat's answer is no job_info. It begins with: %s".formatted(quote(xml)));
    }
    return document;
  }

  private static String quote(String xml) {
    return StringUtils.abbreviate(xml.strip(), LONGEST_QUOTE);
  }
}
