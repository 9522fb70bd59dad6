using System.Net;
using System.Text;
using Xenlet.Guests;
using Xenlet.QemuXen;

namespace Xenlet.Tool.Tests;

public sealed class ReachedAddressStreamTests
{
    [Theory]
    [InlineData(
        "      Now listening on: http://[::]:8080\r\n",
        "      Now listening on: http://[::]:8080 (http://127.0.0.1:8080 on this machine)\r\n")]
    [InlineData("https://0.0.0.0:443\n", "https://0.0.0.0:443 (https://127.0.0.1:40443 on this machine)\n")]
    [InlineData("http://10.0.2.15:8080\n", "http://10.0.2.15:8080 (http://127.0.0.1:8080 on this machine)\n")]
    [InlineData("http://[::]:8080", "http://[::]:8080 (http://127.0.0.1:8080 on this machine)")]
    [InlineData("http://[::]:8081\n", "http://[::]:8081\n")]
    [InlineData("http://localhost:8080\n", "http://localhost:8080\n")]
    [InlineData("http://127.0.0.1:8080\n", "http://127.0.0.1:8080\n")]
    [InlineData("http://10.0.2.16:8080\n", "http://10.0.2.16:8080\n")]
    [InlineData("http://[fe80::1]:8080\n", "http://[fe80::1]:8080\n")]
    [InlineData("http://[::]:8080/todos\n", "http://[::]:8080/todos\n")]
    [InlineData("http://[::]:8080 is taken\n", "http://[::]:8080 is taken\n")]
    [InlineData("http://[::]:\n8080\n", "http://[::]:\n8080\n")]
    [InlineData("http://[::]:99999\n", "http://[::]:99999\n")]
    [InlineData("tcp://[::]:8080\n", "tcp://[::]:8080\n")]
    public void A_line_that_ends_with_an_address_gains_the_one_that_this_machine_reaches(string console, string expected)
    {
        using MemoryStream output = new();
        using ReachedAddressStream stream = new(output, new ForwardedNetwork(IPAddress.Parse("10.0.2.15"), 24))
        {
            Ports = [new(8080, 8080), new(40443, 443)],
        };
        foreach (byte value in Encoding.UTF8.GetBytes($"{new string('x', 200)} {console}"))
        {
            stream.Write([value]);
        }

        stream.Finish();

        Assert.Equal($"{new string('x', 200)} {expected}", Encoding.UTF8.GetString(output.ToArray()));
    }
}
