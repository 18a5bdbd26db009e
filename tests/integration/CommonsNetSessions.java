// Copyright (c) The ftpserver authors.
// See LICENSE for details.
//
// Sessions of commons-net, one after another: see session_program.py for what is read and written.

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.Locale;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPFile;
import org.apache.commons.net.ftp.FTPReply;
import org.apache.commons.net.ftp.FTPSClient;

public class CommonsNetSessions {
    /** The client as it comes, with the file of an authority that it trusts. */
    static class Client extends FTPSClient {
        Client(boolean isImplicit, SSLContext context) {
            super(isImplicit, context);
        }

        void check(boolean done) throws IOException {
            if (!done) {
                throw new IOException(getReplyString());
            }
        }
    }

    /**
     * What everybody writes whose server wants data connections to continue the TLS session of the control connection:
     * Java looks sessions up by host and port, so the session is entered once more for the port of the data connection.
     */
    static class ContinuingClient extends Client {
        ContinuingClient(boolean isImplicit, SSLContext context) {
            super(isImplicit, context);
        }

        @Override
        protected void _prepareDataSocket_(Socket socket) throws IOException {
            if (!(socket instanceof SSLSocket)) {
                return;
            }
            SSLSession session = ((SSLSocket) _socket_).getSession();
            try {
                Object sessions = session.getSessionContext();
                if (sessions == null) {
                    // The server lets nobody continue.
                    return;
                }
                Field field = sessions.getClass().getDeclaredField("sessionHostPortCache");
                field.setAccessible(true);
                Object cache = field.get(sessions);
                Method get = cache.getClass().getDeclaredMethod("get", Object.class);
                Method put = cache.getClass().getDeclaredMethod("put", Object.class, Object.class);
                get.setAccessible(true);
                put.setAccessible(true);
                Object latest = get.invoke(cache, key(_socket_));
                put.invoke(cache, key(socket), latest == null ? session : latest);
            } catch (ReflectiveOperationException error) {
                throw new IOException(error);
            }
        }

        private static String key(Socket socket) {
            return (socket.getInetAddress().getHostAddress() + ":" + socket.getPort()).toLowerCase(Locale.ROOT);
        }
    }

    private static final PrintStream OUTPUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private Client client;

    private static SSLContext trusting(String authority) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream file = new FileInputStream(authority)) {
            trusted.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    private void open(String[] words) throws Exception {
        boolean isImplicit = words[3].equals("implicit");
        SSLContext context = trusting(words[6]);
        client = words[10].equals("continuing")
            ? new ContinuingClient(isImplicit, context) : new Client(isImplicit, context);
        client.setEndpointCheckingEnabled(true);
        client.setTrustManager(null);
        client.setEnabledProtocols(new String[] {"TLSv" + words[5]});
        client.setControlEncoding("UTF-8");
        client.connect(words[1], Integer.parseInt(words[2]));
        client.check(FTPReply.isPositiveCompletion(client.getReplyCode()));
        client.check(client.login(words[8], words[9]));
        client.execPBSZ(0);
        client.execPROT(words[7]);
        client.check(client.setFileType(FTP.BINARY_FILE_TYPE));
        boolean isExtended = words[4].startsWith("EP");
        client.setUseEPSVwithIPv4(isExtended);
        if (words[4].endsWith("SV")) {
            client.enterLocalPassiveMode();
        }
    }

    private void send(String local, String remote, long offset, boolean appends) throws IOException {
        try (FileInputStream file = new FileInputStream(local)) {
            file.getChannel().position(offset);
            client.setRestartOffset(appends ? 0 : offset);
            client.check(appends ? client.appendFile(remote, file) : client.storeFile(remote, file));
        }
    }

    private void fetch(String remote, String local, boolean resumes) throws IOException {
        client.setRestartOffset(resumes ? new File(local).length() : 0);
        try (FileOutputStream file = new FileOutputStream(local, resumes)) {
            client.check(client.retrieveFile(remote, file));
        }
    }

    private String[] names(String directory) throws IOException {
        FTPFile[] files = client.mlistDir(directory);
        client.check(FTPReply.isPositiveCompletion(client.getReplyCode()));
        return Arrays.stream(files).map(FTPFile::getName).toArray(String[]::new);
    }

    private void close() throws IOException {
        if (client.isConnected()) {
            client.logout();
            client.disconnect();
        }
    }

    private String[] call(String[] words) throws Exception {
        switch (words[0]) {
            case "open": open(words); break;
            case "upload": send(words[1], words[2], 0, false); break;
            case "download": fetch(words[1], words[2], false); break;
            case "resumeUpload": send(words[1], words[2], Long.parseLong(words[3]), false); break;
            case "resumeDownload": fetch(words[1], words[2], true); break;
            case "append": send(words[1], words[2], 0, true); break;
            case "names": return names(words[1]);
            case "rename": client.check(client.rename(words[1], words[2])); break;
            case "delete": client.check(client.deleteFile(words[1])); break;
            case "makeDirectory": client.check(client.makeDirectory(words[1])); break;
            case "removeDirectory": client.check(client.removeDirectory(words[1])); break;
            case "close": close(); break;
            default: throw new IllegalArgumentException(words[0]);
        }
        return new String[0];
    }

    public static void main(String[] arguments) throws IOException {
        CommonsNetSessions sessions = new CommonsNetSessions();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            try {
                String[] found = sessions.call(line.split("\t", -1));
                OUTPUT.println(String.join("\t", found.length == 0 ? "ok" : "ok\t" + String.join("\t", found)));
            } catch (Exception error) {
                OUTPUT.println("error\t" + (error + "").replaceAll("\\s+", " "));
            }
        }
    }
}
