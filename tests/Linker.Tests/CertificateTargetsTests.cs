namespace Xenlet.Linker.Tests;

/// <summary>The targets that give an image the authorities that it trusts.</summary>
public sealed class CertificateTargetsTests : IDisposable
{
    private const string Verifying = "CryptoNative_GetX509RootStoreFile";
    private const string Certificate = "-----BEGIN CERTIFICATE-----\n";

    private readonly TargetsProject _project = new();

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("-p:XenletCertificates=mine.pem")]
    [InlineData("-p:SSL_CERT_FILE=mine.pem")]
    public void A_program_that_may_verify_certificates_has_the_projects_file_or_the_build_machines_and_a_variable_that_says_where(
        string option) =>
        Assert.Equal(
            ["variable\tSSL_CERT_FILE=/app/xenlet-authorities.pem", $"file\txenlet-authorities.pem\t{_project["mine.pem"]}"],
            Listed(Verifying, option));

    [Theory]
    [InlineData("CryptoNative_EvpSha256", "-p:SSL_CERT_FILE=mine.pem")]
    [InlineData(Verifying, "-p:XenletCertificates=off")]
    public void A_program_that_verifies_none_or_whose_project_says_off_has_none(string function, string option) =>
        Assert.Empty(Listed(function, option));

    [Fact]
    public void A_project_that_sets_the_variable_itself_has_its_own_file() =>
        Assert.Equal(
            ["variable\tSSL_CERT_FILE=/app/own.pem"],
            Listed(Verifying, "-p:SSL_CERT_FILE=mine.pem", """<XenletVariable Include="SSL_CERT_FILE=/app/own.pem" />"""));

    [Theory]
    [InlineData("-p:XenletCertificates=none.pem", 1, "error XENLET024: XenletCertificates is 'none.pem'")]
    [InlineData("-p:SSL_CERT_FILE=empty.pem", 0, "this machine has no authorities in empty.pem: the image trusts nobody.")]
    public void A_file_without_certificates_is_an_error_if_the_project_names_it_else_a_warning(string option, int status, string said)
    {
        (int actual, string output) = Run(Verifying, option);
        Assert.Equal(status, actual);
        Assert.Contains(said, output, StringComparison.Ordinal);
        Assert.Contains("XENLET024", output, StringComparison.Ordinal);
    }

    /// <summary>What the image has, but for the variable of each image without time zones.</summary>
    private string[] Listed(string function, string option, string items = "")
    {
        (int status, string output) = Run(function, option, items);
        Assert.True(status == 0, output);
        return [.. File.ReadLines(_project["out/files.txt"]).Where(line => !line.StartsWith("variable\tTZDIR=", StringComparison.Ordinal))];
    }

    private (int Status, string Output) Run(string function, string option, string items = "")
    {
        File.WriteAllText(_project["mine.pem"], Certificate);
        File.WriteAllText(_project["empty.pem"], "");
        Directory.CreateDirectory(_project["out"]);
        return _project.Run(
            "Sdk/Xenlet.Files.targets",
            CryptographyObject.Write([function], []),
            "XenletFiles",
            $"""
            <Import Project="{TargetsProject.Sdk}/Xenlet.Cryptography.targets" />
            <Import Project="{TargetsProject.Sdk}/Xenlet.Certificates.targets" />
            <PropertyGroup>
              <_IsPublishing>true</_IsPublishing>
              <NativeIntermediateOutputPath>out/</NativeIntermediateOutputPath>
              <NativeBinary>program</NativeBinary>
            </PropertyGroup>
            <ItemGroup>
              {items}
            </ItemGroup>
            <Target Name="_ComputeCopyToPublishDirectoryItems" />
            """,
            option);
    }
}
