namespace Xenlet.Packages.Tests;

/// <summary>A console project, from the template to the guest.</summary>
public sealed class ConsoleProjectTests
{
    [Fact]
    public async Task A_new_project_is_published_into_five_files_and_its_image_boots()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        await workplace.InstallTemplatesAsync();
        (await workplace.DotNetAsync("first", ["new", "xenlet"])).AssertSucceeded();

        PublishedGuest guest = await workplace.PublishAsync("first");

        guest.AssertWhole();
        Assert.Contains("""kernel = "first.elf" """.Trim(), guest.Configuration, StringComparison.Ordinal);
        Assert.Contains("machine=\"xenpvh\"", File.ReadAllText(guest.FileOf(".xml")), StringComparison.Ordinal);
        await guest.AssertSaysAsync("Hello, QEMU!", commandLine: "QEMU");
    }
}
