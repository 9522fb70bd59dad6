namespace Xenlet.Packages.Tests;

/// <summary>A program in one file, without a project.</summary>
public sealed class OneFileTests
{
    [Fact]
    public async Task One_line_makes_a_file_a_guest_and_another_gives_it_memory()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        workplace.Write("file/hello.cs", """
            #:sdk Xenlet.Sdk@VERSION
            #:property XenletMemory=24
            Console.WriteLine("one file");

            """);

        PublishedGuest guest = await workplace.PublishAsync("file", "hello.cs");

        guest.AssertWhole();
        Assert.Contains("memory = 24\n", guest.Configuration, StringComparison.Ordinal);
        await guest.AssertSaysAsync("one file");
    }
}
