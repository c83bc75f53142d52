// The page reads without this; it adds the opacity slider and the side-by-side view.
for (const view of document.querySelectorAll('.view')) {
  const stage = view.querySelector('.stage');
  const slider = view.querySelector('input[type=range]');
  const side = view.querySelector('input[type=checkbox]');
  if (slider) slider.addEventListener('input', () => stage.style.setProperty('--o', slider.value / 100));
  if (side) side.addEventListener('change', () => stage.classList.toggle('side', side.checked));
}
