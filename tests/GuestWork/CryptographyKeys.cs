namespace Xenlet.GuestWork;

/// <summary>Keys whose results have to be the same wherever the work is done. They are made for it, and protect nothing.</summary>
internal static class CryptographyKeys
{
    /// <summary>An RSA key of 2048 bits, PKCS #8.</summary>
    public const string Rsa = """
        -----BEGIN PRIVATE KEY-----
        MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCXdhxQukzjrS3e
        Y6OjpyKIg8Jt2+Vad4QMLo91xKnHTXl302dDqoLNv8+IIO9WxiQL1wRsDRq82LPK
        QP5hAqJ/HB+BG/xXDGmQLJyUhLz/1tbUd41GgD7O0Q84xlw1tez5uQHB+6amSVjd
        sRM4on3ujXZ3PjREs5ABVW1+tZMjKezRsI3ANNxsbEXh94IifBvvkmyMeTCKmwzg
        EOlFlK9ALI9JODBmKk61xGD2oQJlMAlMotIVDk+SQYLOwGKjZYodcknXPSq72xyd
        TQH/3uTqpF2IpUDLmbfTRHL0zZCepJdPXtldlSleuwVkDLlJUelCFMoHfLbHze+n
        A51yYTnrAgMBAAECggEAAa07jAM79atFnjghKB8iCTvYK6orBFDdY9siGG4oaP3p
        EdQDySJ6lzd/3yRqMd44qO7k7CNK//swJlWI218RmHGhwaajKP2Ir6FmzFgZ1YU1
        1J1MMZMa3uQ+lGTRwYB1kqAjLlgQVLfsJWwf59kYpsrnHFPSdU49kl41O5lb+yAn
        0nZzkaSJ0veEpNaM1l3G00ulfpdVYHPn6+kh9Uh5D6H+I0AbfhDYeh48hzesWu43
        7AxxOldc5HQ6PZ9L2vNqOF0pWDyPdhNcL1bSdVwz3f3Hfy/vMvjFzjuKZ0BzXEU0
        8aC5QkaIEPRGwtqL4ksK7ybrQWKQSXpmi3GEzBdoWQKBgQDQ2tIn3RCRZaUbZD8s
        UBcM3azfxBKvlMYVa0/Xef6hpi3E1/xqtx/s3CPYIeIx6pAir8WEhnhhXGJ9BLTp
        lJ82gOfaTHQ5/Ip79wWlEAXF2tBqUvQVKzUmf3wZFGZpqeaxvZ2NbpB+Dqr5sXJ+
        b3IvtUvKKwnr0Qi/Rndh+FqWyQKBgQC5pqxH3GZKJHlSPRQEVzTTaT1PTSLxPsYw
        3EysBlyXiFVSj34zXLRyGC82+9d9KtosvNieQwqlDnwnMAIhSOa6uYRdDY2XEqcp
        qlWMgjpuNeKZENesGcljRvUdyYTAuZ0ufknkuO2c2bvQBLXYdbACK5+/W12Pfgai
        728JVOdBEwKBgHQKsKt/c14lqKfgeg0n7rayUAQAEBXIRorOFg119dlg2Js/Gjs8
        xhs3cR78LI5pcm4jVU493JLT3tDxlYcWkaOZ2bh7tDQnsdYQuO0uStbUren1bzJ3
        0E80lAHnSMO6p7fnz6suXE/93FdhlWjUiRAi3hpU8W05tm94OoqPj92pAoGACB/X
        Ij3u7Ae0l3i8y4PVd/r/B91kThJlMfYyFMUigC8jLL3C1BSWgPe1+T4ELCIX8iVB
        hYuBh7+eh0h+j15VWo6L0Farf5T9Y8FkhQWd8PzCsdge2BU4zvNn/qm2+Ygl7Mby
        DORa4aZVpcDPBG4CCdZG42ToL0NgnvjDbzEb/akCgYA1WVF1eS8FAxWN9g7yxsJB
        7jLSPVkFuvjfnqB2fyf4lathSpcILuXw3Kk8TTutfMEKLy3obp+pMksny0B/Pi/5
        v1cAmZmtSsSl3Za96fhx/7NSiElZELxPyECFnJoJ/VEW5U/4Pd14PzJzgocGIG5s
        LFxtITf2YY9PlDVOz2coPw==
        -----END PRIVATE KEY-----
        """;
}
