// A held check of the kind "are you a person?" leaves an empty place in its
// form. This says in that place what is missing and how to get it. The check
// itself needs scripts, so a visitor without them misses nothing here.
{
  const { note, name } = document.currentScript.dataset;
  document.currentScript.remove();
  addEventListener('DOMContentLoaded', () => {
    document.querySelectorAll('.g-recaptcha,.h-captcha,.cf-turnstile,.frc-captcha').forEach(place => {
      const frame = document.createElement('iframe');
      frame.title = name;
      frame.style.cssText = 'width:100%;max-width:24em;height:13em;border:0';
      frame.srcdoc = note;
      place.append(frame);
    });
  });
}
