namespace Xenlet.WebBench;

/// <summary>The ports of <see cref="Service"/>, beside that of its control.</summary>
internal static class HttpPorts
{
    public const int Plain = 8080;

    public const int Tls = 8443;
}
