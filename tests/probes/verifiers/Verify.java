import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.source.ImmutableJWKSet;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.Set;

/** A bearer API that nimbus-jose-jwt alone stands before: java -cp JAR Verify.java JWKS-FILE ISSUER AUDIENCE ALGORITHM,… */
public final class Verify {
    public static void main(String[] arguments) throws Exception {
        Set<JWSAlgorithm> algorithms = new HashSet<>();
        for (String name : arguments[3].split(",")) {
            algorithms.add(JWSAlgorithm.parse(name));
        }
        DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
        processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(
                JOSEObjectType.JWT, new JOSEObjectType("at+jwt"), null));
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(
                algorithms, new ImmutableJWKSet<>(JWKSet.load(new File(arguments[0])))));
        processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
                arguments[2], new JWTClaimsSet.Builder().issuer(arguments[1]).build(), Set.of("exp")));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            String header = exchange.getRequestHeaders().getFirst("Authorization");
            String token = header == null ? "" : header.replaceFirst("^Bearer ", "");
            int status = 200;
            try {
                processor.process(token, null);
            } catch (Exception | Error refused) {
                status = 401;
            }
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
        server.start();
        System.out.println(server.getAddress().getPort());
        while (System.in.read() >= 0) { }
        System.exit(0);
    }
}
