import eu.europa.esig.dss.diagnostic.DiagnosticData;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.service.crl.OnlineCRLSource;
import eu.europa.esig.dss.service.ocsp.OnlineOCSPSource;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.aia.DefaultAIASource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import eu.europa.esig.dss.validation.reports.Reports;
import java.io.File;
import java.util.ArrayList;
import java.util.List;

/**
 * Judge --anchor PEM... [--content FILE...] FILE...: one line for each signature, time mark and evidence
 * record of each file, tab-separated: file, kind, indication, sub-indication, level, reasons. Revocation
 * data is fetched as the certificates say (the service under test answers on this machine).
 */
public class Judge {
    public static void main(String[] args) throws Exception {
        CommonTrustedCertificateSource anchors = new CommonTrustedCertificateSource();
        List<DSSDocument> contents = new ArrayList<>();
        List<File> files = new ArrayList<>();
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--anchor")) {
                for (CertificateToken c : DSSUtils.loadCertificateFromP7c(pemToP7(args[++i])))
                    anchors.addCertificate(c);
            } else if (args[i].equals("--content")) {
                contents.add(new FileDocument(args[++i]));
            } else {
                files.add(new File(args[i]));
            }
        }
        for (File file : files)
            judge(file, anchors, contents);
    }

    private static java.io.InputStream pemToP7(String path) throws Exception {
        var factory = java.security.cert.CertificateFactory.getInstance("X.509");
        try (var in = new java.io.FileInputStream(path)) {
            var certificates = new ArrayList<>(factory.generateCertificates(in));
            byte[] p7 = factory.generateCertPath(certificates).getEncoded("PKCS7");
            return new java.io.ByteArrayInputStream(p7);
        }
    }

    private static void judge(File file, CommonTrustedCertificateSource anchors, List<DSSDocument> contents) {
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        verifier.setTrustedCertSources(anchors);
        verifier.setAIASource(new DefaultAIASource());
        verifier.setCrlSource(new OnlineCRLSource());
        verifier.setOcspSource(new OnlineOCSPSource());
        Reports reports;
        try {
            SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(new FileDocument(file));
            validator.setCertificateVerifier(verifier);
            if (!contents.isEmpty())
                validator.setDetachedContents(contents);
            reports = validator.validateDocument();
        } catch (Exception e) {
            System.out.println(file.getName() + "\trefused\t" + e.getMessage());
            return;
        }
        SimpleReport simple = reports.getSimpleReport();
        DiagnosticData data = reports.getDiagnosticData();
        for (String id : simple.getSignatureIdList())
            line(file, "signature", simple, id, String.valueOf(simple.getSignatureFormat(id)));
        for (var mark : data.getTimestampList())
            line(file, "timestamp", simple, mark.getId(), String.valueOf(mark.getType()));
        for (var record : data.getEvidenceRecords())
            line(file, "evidence-record", simple, record.getId(), "-");
    }

    private static void line(File file, String kind, SimpleReport simple, String id, String level) {
        List<String> reasons = new ArrayList<>();
        simple.getAdESValidationErrors(id).forEach(m -> reasons.add(m.getValue()));
        System.out.println(String.join("\t", file.getName(), kind, String.valueOf(simple.getIndication(id)),
                String.valueOf(simple.getSubIndication(id)), level, String.join(" | ", reasons)));
    }
}
